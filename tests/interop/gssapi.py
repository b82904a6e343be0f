#!/usr/bin/env python3
"""GSSAPI in a Kerberos realm of its own: zinc with zinc, and with the system's libzmq both
ways; encrypted and not; and what both are told when a client does not get in.

    gssapi.py PEER ZINC_DIR [--only TEXT] [-v]

The arguments and the last line are interop.py's. libzmq (4.3.4) wants for a principal that
it is given, be it the server's or the client's, a key in the key table and a ticket; zinc
wants of them what is needed. Its server lets in those whom the authenticator refuses, so
refusals are shown with zinc's servers alone.

The realm lives in a temporary directory and at a port of the loopback interface; it needs
MIT's krb5kdc, kdb5_util, kadmin.local and kinit, and touches nothing of the system's
Kerberos.
"""
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile

import interop

REALM = "ZINC.TEST"                      # peer.c knows it, too
CLIENT_CONFIG = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
"""
SERVER_CONFIG = """\
[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
 }}
[logging]
 default = FILE:{folder}/default.log
 kdc = FILE:{folder}/kdc.log
"""
# The key table has an older key of "stale" and none of "keyless".
SERVICES = ["service", "other", "stale", "keyless"]
# All have keys there; and all have tickets but "late". Nobody has heard of "nobody".
USERS = ["eve", "300", "400", "500", "bob"]
TICKETS = ["service", *USERS]            # the last one's is the default
DATABASE = [f"addprinc -randkey {name}" for name in [*SERVICES, *USERS, "late"]] + [
    "ktadd -k {folder}/keytab -norandkey service other stale late " + " ".join(USERS),
    "cpw -randkey stale",
]


def run(*command, text=""):
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=interop.PATIENCE)
    if done.returncode != 0:
        raise interop.Failure(f"{' '.join(command)}: {done.stdout}")


def start_kdc():
    """Returns it when it listens. It does not outlive us, come what may."""
    kdc = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "krb5kdc", "-n"],
                           text=True, stderr=subprocess.PIPE)
    said = ""
    for line in kdc.stderr:
        said += line
        if "starting" in line:
            return kdc
    kdc.wait()
    raise interop.Failure(f"krb5kdc: {said}")


def stop_kdc(kdc):
    kdc.terminate()
    try:
        kdc.wait(10)
    except subprocess.TimeoutExpired:
        kdc.kill()
        kdc.wait()
    kdc.stderr.close()


@contextlib.contextmanager
def realm(folder):
    """For us and all that we start, there is no other."""
    port = interop.free_port()
    for file, text in ("krb5.conf", CLIENT_CONFIG), ("kdc.conf", SERVER_CONFIG):
        with open(f"{folder}/{file}", "w") as f:
            f.write(text.format(folder=folder, realm=REALM, port=port))
    os.mkdir(f"{folder}/tickets", 0o700)
    os.environ.update({
        "KRB5_CONFIG": f"{folder}/krb5.conf",
        "KRB5_KDC_PROFILE": f"{folder}/kdc.conf",
        "KRB5_KTNAME": f"FILE:{folder}/keytab",
        "KRB5_CLIENT_KTNAME": f"FILE:{folder}/none",
        "KRB5CCNAME": f"DIR:{folder}/tickets",
        "KRB5RCACHENAME": f"file2:{folder}/replays",
        "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
    })
    run("kdb5_util", "create", "-s", "-r", REALM, "-P", "of no worth")
    run("kadmin.local", text="\n".join(DATABASE).format(folder=folder) + "\n")
    kdc = start_kdc()
    try:
        for user in TICKETS:
            run("kinit", "-k", "-t", f"{folder}/keytab", user)
        yield
    finally:
        stop_kdc(kdc)


# ---- Those who suit each other.

interop.SECURE.update({
    "GSSAPI": ("gssapi-server=service", "gssapi-client=bob,service"),
    "bare GSSAPI": ("gssapi-bare-server=service", "gssapi-bare-client=bob,service"),
})
TALKS = [
    ("REQ", "ask", "REP", "echo"),
    ("DEALER", "ask", "ROUTER", "echo"),
    ("PUSH", "send", "PULL", "take"),
    ("PUB", "send", "SUB", "take"),
    ("XPUB", "send", "XSUB", "take"),
]
SIDES = [("zinc", "zinc"), ("zinc", "libzmq"), ("libzmq", "zinc")]


def fails_with_libzmq_alone(talk, sides, binder, mechanism):
    """A bound REQ hears no answer (see interop.py), and subscriptions lose their mark when they
    are encrypted: but not what an XSUB sends as a message, once it is connected."""
    kind, _, kind2, _ = talk
    if kind == "REQ":
        return sides[0] == "libzmq" and binder == 0
    return sides[1] == "libzmq" and mechanism == "GSSAPI" and \
        (kind2 == "SUB" or kind2 == "XSUB" and binder == 1)


def talks():
    for mechanism, talk, transport, sides, binder in itertools.product(
            ("GSSAPI", "bare GSSAPI"), TALKS, ("tcp", "ipc", "ws"), SIDES, (0, 1)):
        if transport == "ws" and "libzmq" in sides:
            continue                     # it fails an assertion
        if not fails_with_libzmq_alone(talk, sides, binder, mechanism):
            yield transport, "bind first", talk, sides, binder, mechanism
        if talk[0] == "PUSH":
            yield transport, "reconnect", talk, sides, binder, mechanism


# ---- And those who do not.

SERVER, BARE_SERVER = "gssapi-server=service", "gssapi-bare-server=service"
UP, LOST, NO_KEY = "0x1000 0", "0x800", "0x2000 0x11000001"
UNEXPECTED = interop.MISREAD
ALL = [("zinc", "zinc"), ("zinc", "libzmq"), ("libzmq", "zinc")]
ZINC_SERVES = ALL[:2]
# Which server and client, and what they are told. A refusal is told in an ERROR, which
# libzmq's client does not know.
GATES = [
    (ALL, SERVER, "gssapi-client=bob,service", UP, UP),
    (ALL, "gssapi-server=-", "gssapi-client=-,service", UP, UP),
    (ALL, BARE_SERVER, "gssapi-bare-client=-,service", UP, UP),
    # no ticket, no such user, no such service
    (ALL, SERVER, "gssapi-client=late,service", LOST, LOST),
    (ALL, SERVER, "gssapi-client=nobody,service", LOST, LOST),
    (ALL, SERVER, "gssapi-client=bob,absent", LOST, LOST),
    # a ticket for another service, or sealed with a key that the server does not have
    (ZINC_SERVES, SERVER, "gssapi-client=bob,other", NO_KEY, LOST),
    (ZINC_SERVES, "gssapi-server=stale", "gssapi-client=bob,stale", NO_KEY, LOST),
    (ZINC_SERVES, "gssapi-server=keyless", "gssapi-client=bob,keyless", LOST, LOST),
    # only one of them encrypts
    (ALL, SERVER, "gssapi-bare-client=bob,service", LOST, UNEXPECTED),
    (ALL, BARE_SERVER, "gssapi-client=bob,service", LOST, UNEXPECTED),
    # a good ticket, but the authenticator says no
    (ZINC_SERVES, SERVER, "gssapi-client=300,service", "0x4000 0x12c", LOST),
]
for server, kind in (SERVER, "gssapi-client"), (BARE_SERVER, "gssapi-bare-client"):
    for user, status in ("eve", "0x190"), ("400", "0x190"), ("500", "0x1f4"):
        for sides, told in zip(ZINC_SERVES, (f"0x4000 {status}", UNEXPECTED)):
            GATES.append(([sides], server, f"{kind}={user},service", f"0x4000 {status}", told))


class Gate(interop.Watch):
    def talk(self, case):
        sides, guards, wanted = case
        got = self.outcome(sides, guards)
        if got != wanted:
            raise interop.Failure(f"{got}, not {wanted}")


def gates():
    for every, server, client, told_server, told_client in GATES:
        for sides in every:
            yield sides, (server, client), [told_server, "|", told_client, "|"]


def main():
    args = interop.arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))      # and tidy up
    with tempfile.TemporaryDirectory(prefix="zinc-") as folder, realm(folder):
        return interop.run_all([(interop.Talk, c, interop.name(c)) for c in talks()]
                               + [(Gate, c, interop.watch_name(c[:2])) for c in gates()], args)


if __name__ == "__main__":
    sys.exit(main())
