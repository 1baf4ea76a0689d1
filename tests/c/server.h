/* A server in its own process, with a chosen reaction to every publish. */
#ifndef SERVER_H
#define SERVER_H

#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVER_BROWSERS = 7 };

enum server_behaviour {
    SERVER_ANSWERS,
    /* Reads publishes, and answers none. */
    SERVER_HANGS,
    /* The first connection only. */
    SERVER_HANGS_ONCE
};

struct server {
    char folder[32];
    char address[80];
    pid_t pid;
    /* Gets a byte for each publish that was read. */
    int publishes;
    /* For the test. */
    pthread_t interrupted;
};

/* Until the client has closed. */
static void server_serve(int connection, int hangs, int publishes)
{
    char request[4096];
    char answer[128];
    const char *publish;
    ssize_t length;

    while ((length = recv(connection, request, sizeof request - 1, 0)) > 0) {
        request[length] = '\0';
        publish = strstr(request, "[3,");
        if (publish == NULL)
            continue;
        if (write(publishes, "p", 1) != 1)
            _exit(EXIT_FAILURE);
        if (hangs)
            continue;
        snprintf(answer, sizeof answer, "[2,1,\"server\",{}]\n[4,%ld,1,%d]\n",
                 strtol(publish + strlen("[3,"), NULL, 10), SERVER_BROWSERS);
        if (send(connection, answer, strlen(answer), MSG_NOSIGNAL) == -1)
            break;
    }
}

static void server_run(int listener, enum server_behaviour behaviour, int publishes)
{
    int is_first;

    for (is_first = 1;; is_first = 0) {
        int connection = accept(listener, NULL, NULL);
        int hangs = behaviour == SERVER_HANGS || (behaviour == SERVER_HANGS_ONCE && is_first);

        if (connection == -1)
            _exit(EXIT_FAILURE);
        /* One process a connection: the first may stay open. */
        if (fork() == 0) {
            server_serve(connection, hangs, publishes);
            _exit(EXIT_SUCCESS);
        }
        close(connection);
    }
}

static void server_start(struct server *server, enum server_behaviour behaviour)
{
    struct sockaddr_un address;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    int ends[2];

    memset(&address, 0, sizeof address);
    strcpy(server->folder, "/tmp/pusher-server-XXXXXX");
    CHECK(mkdtemp(server->folder) != NULL);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/publish.sock", server->folder);
    snprintf(server->address, sizeof server->address, "unix:%s/publish.sock", server->folder);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 16) == 0);
    CHECK(pipe(ends) == 0);
    server->publishes = ends[0];
    server->pid = fork();
    CHECK(server->pid != -1);
    if (server->pid == 0) {
        /* Its children end with their connections, and with it. */
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        close(ends[0]);
        server_run(listener, behaviour, ends[1]);
    }
    close(ends[1]);
    close(listener);
}

/* Until one more publish was read. */
static void server_wait_for_publish(struct server *server)
{
    char byte;

    CHECK(read(server->publishes, &byte, 1) == 1);
}

static void server_stop(struct server *server)
{
    char path[80];
    int status;

    CHECK(kill(-server->pid, SIGKILL) == 0 || kill(server->pid, SIGKILL) == 0);
    CHECK(waitpid(server->pid, &status, 0) == server->pid);
    close(server->publishes);
    snprintf(path, sizeof path, "%s/publish.sock", server->folder);
    unlink(path);
    rmdir(server->folder);
}

#endif
