/* proxy.h - a SOCKS5 proxy that a test starts: microsocks. */
#ifndef TESTS_TRANSPORTS_PROXY_H
#define TESTS_TRANSPORTS_PROXY_H

#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct proxy {
    pid_t pid;
    int port;
    const char *user, *password;         /* NULL: it asks nobody */
};

static inline bool proxy_accepts(void *arg)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t) * (int *)arg) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    return rc == 0;
}

static inline void proxy_start(struct proxy *p)
{
    char port[8];
    char *args[] = { (char[]){ "microsocks" },
                     (char[]){ "-i" },
                     (char[]){ "127.0.0.1" },
                     (char[]){ "-p" },
                     port,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL };
    char user[32], password[32];

    snprintf(port, sizeof port, "%d", p->port);
    if (p->user != NULL) {
        snprintf(user, sizeof user, "-u%s", p->user);
        snprintf(password, sizeof password, "-P%s", p->password);
        args[5] = user;
        args[6] = password;
    }
    int rc = posix_spawnp(&p->pid, args[0], NULL, NULL, args, environ);
    if (rc == ENOENT)
        test_skip("microsocks is not installed");
    CHECK_EQ(rc, 0);
    test_wait_until(proxy_accepts, &p->port, 10);
}

static inline void proxy_stop(struct proxy *p)
{
    CHECK_OK(kill(p->pid, SIGKILL));
    CHECK_EQ(waitpid(p->pid, NULL, 0), p->pid);
}

#endif
