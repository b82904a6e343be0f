/* proxy.h - a SOCKS5 proxy that a test starts: microsocks. */
#ifndef TESTS_TRANSPORTS_PROXY_H
#define TESTS_TRANSPORTS_PROXY_H

#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct proxy {
    pid_t pid;
    int port;
    const char *user, *password;         /* NULL: it asks nobody */
};

/* Whether it accepts; or could not be started, which pid 0 tells. */
static inline bool proxy_settled(void *arg)
{
    struct proxy *p = arg;
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)p->port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    if (waitpid(p->pid, NULL, WNOHANG) == p->pid)
        p->pid = 0;
    return rc == 0 || p->pid == 0;
}

static inline void proxy_start(struct proxy *p)
{
    char port[8];
    char *args[8] = { (char[]){ "microsocks" }, (char[]){ "-i" }, (char[]){ "127.0.0.1" },
                      (char[]){ "-p" }, port };
    char user[32], password[32];

    snprintf(port, sizeof port, "%d", p->port);
    if (p->user != NULL) {
        snprintf(user, sizeof user, "-u%s", p->user);
        snprintf(password, sizeof password, "-P%s", p->password);
        args[5] = user;
        args[6] = password;
    }
    p->pid = fork();
    CHECK_OK(p->pid);
    if (p->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);        /* a test that fails stops nothing */
        execvp(args[0], args);
        _exit(127);
    }
    test_wait_until(proxy_settled, p, 10);
    if (p->pid == 0)
        test_skip("microsocks is not installed, or does not start");
}

static inline void proxy_stop(struct proxy *p)
{
    CHECK_OK(kill(p->pid, SIGKILL));
    CHECK_EQ(waitpid(p->pid, NULL, 0), p->pid);
}

#endif
