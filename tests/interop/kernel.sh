#!/usr/bin/env bash
# The tests of what needs a kernel that has it: TIPC, and vsock to the machine itself.
#
#     tests/interop/kernel.sh BUILD-DIR TEST...
#
# Debian's own kernel with these modules is started in an emulated machine (qemu, without any
# privilege or hardware), which sees this one's files, read only. In it each TEST of BUILD-DIR/tests
# is run; its last line is the output here. BUILD-DIR/kernel keeps the kernel.
set -eu
build=$(realpath "$1")
shift
here=$build/kernel
mkdir -p "$here"
cd "$here"

kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
[ -d "$kernel" ] || {
    apt-get download -qq "$kernel"
    dpkg-deb -x "$kernel"_*.deb "$kernel"
    rm "$kernel"_*.deb
}

# In the order in which they need each other.
modules="drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_modern_dev
drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci fs/netfs/netfs
fs/fscache/fscache net/9p/9pnet net/9p/9pnet_virtio fs/9p/9p net/ipv4/udp_tunnel
net/ipv6/ip6_udp_tunnel net/tipc/tipc net/vmw_vsock/vsock
net/vmw_vsock/vmw_vsock_virtio_transport_common net/vmw_vsock/vsock_loopback"

rm -rf root
mkdir -p root/bin root/modules root/proc root/sys root/dev root/mnt
cp "$(command -v busybox)" root/bin/
number=10
for m in $modules; do
    cp "$kernel"/lib/modules/*/kernel/"$m".ko "root/modules/$number.ko"
    number=$((number + 1))
done

cat >root/init <<'TEXT'
#!/bin/busybox sh
PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
for m in /modules/*.ko; do busybox insmod "$m"; done
busybox ip link set lo up
busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose files /mnt
busybox mount -t proc proc /mnt/proc
busybox mount -t devtmpfs dev /mnt/dev
read -r build </build
busybox mkdir /build-dir
busybox mount -o bind "/mnt$build" /build-dir
busybox mount -t tmpfs tmp /mnt/run
busybox mount -t tmpfs tmp /mnt/tmp
busybox mkdir -p "/mnt$build"
busybox mount -o bind /build-dir "/mnt$build"   # may have been below one of them
busybox cp /job /mnt/run/job
busybox chroot /mnt /bin/bash /run/job
busybox poweroff -f
TEXT

# An emulated processor is slow: more patience.
{
    echo "export ZINC_TEST_PATIENCE=10"
    echo "run() { '$build'/tests/\$1 >/tmp/log 2>&1 || cat /tmp/log; echo \"\$1: \$(tail -n 1 /tmp/log)\"; }"
    echo "grep -q '^tipc ' /proc/modules && grep -q '^vsock_loopback ' /proc/modules ||"
    echo "    echo 'kernel: 0 passed, 1 failed'"
    printf 'run %s\n' "$@"
} >root/job
chmod +x root/init
echo "$build" >root/build
(cd root && find . | cpio -o -H newc --quiet) | gzip -1 >initrd

timeout "${KERNEL_TIMEOUT:-900}" qemu-system-x86_64 -m 1024 -smp 2 -nographic -no-reboot -net none \
    -kernel "$kernel"/boot/vmlinuz-* -initrd initrd -append "console=ttyS0 panic=-1" \
    -virtfs local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap \
    </dev/null 2>&1 | tr -d '\r' >log || true
status=0
for t in "$@"; do
    line=$(grep -a "^$t: " log | tail -n 1 || true)
    echo "${line:-$t: 0 passed, 1 failed}"
    [[ $line =~ \ 0\ failed ]] || status=1
done
[ "$status" = 0 ] && ! grep -aq '^kernel: ' log || { tail -n 60 log; exit 1; }
