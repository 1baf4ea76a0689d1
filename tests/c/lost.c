/* The server can't be written to any more: no SIGPIPE, which would end this process, and the event
 * goes over a new connection. Brings its own server, PUSH_ADDRESS is not used. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BROWSERS = 7 };

static char path[64];

static int listen_in(const char *folder)
{
    struct sockaddr_un address = {0};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(path, sizeof path, "%s/lost.sock", folder);
    address.sun_family = AF_UNIX;
    CHECK(strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 1) == 0);
    return listener;
}

/* Answers the first publish of the next connection. Unless `is_last`, the next write to this
 * connection gets a broken pipe, which the writer cannot detect before the write. */
static int serve_one(int listener, int is_last)
{
    char request[1024] = "";
    char answer[128];
    const char *publish;
    int connection = accept(listener, NULL, NULL);

    CHECK(connection != -1);
    CHECK(recv(connection, request, sizeof request - 1, 0) > 0);
    publish = strstr(request, "[3,");
    CHECK(publish != NULL);
    if (!is_last)
        CHECK(shutdown(connection, SHUT_RD) == 0);
    snprintf(answer, sizeof answer, "[2,1,\"lost\",{}]\n[4,%ld,1,%d]\n",
             strtol(publish + strlen("[3,"), NULL, 10), BROWSERS);
    CHECK(send(connection, answer, strlen(answer), 0) == (ssize_t)strlen(answer));
    return connection;
}

static void serve(int listener)
{
    int first = serve_one(listener, 0);
    int second = serve_one(listener, 1);

    close(first);
    close(second);
    _exit(EXIT_SUCCESS);
}

int main(void)
{
    char folder[] = "/tmp/pusher-lost-XXXXXX";
    char address[80];
    int listener, first, second, status;
    pid_t server;

    CHECK(mkdtemp(folder) != NULL);
    listener = listen_in(folder);
    server = fork();
    CHECK(server != -1);
    if (server == 0)
        serve(listener);

    snprintf(address, sizeof address, "unix:%s", path);
    CHECK(setenv("PUSH_ADDRESS", address, 1) == 0);
    first = push_publish("lost", "{}");
    second = push_publish("lost", "{}");
    unlink(path);
    rmdir(folder);
    CHECK(first == BROWSERS && second == BROWSERS);
    CHECK(waitpid(server, &status, 0) == server && status == 0);
    return EXIT_SUCCESS;
}
