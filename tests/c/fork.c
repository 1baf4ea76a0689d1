/* Parent and children publish, each on its own connection; a child closes the inherited connection,
 * and only that. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 4, PUBLISHES = 30, DESCRIPTORS = 64 };

/* The only socket this process has, -1 if there is none. */
static int socket_descriptor(void)
{
    struct stat status;
    int found = -1;
    int descriptor;

    for (descriptor = 3; descriptor < DESCRIPTORS; descriptor++) {
        if (fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode)) {
            CHECK(found == -1);
            found = descriptor;
        }
    }
    return found;
}

static void publish_many(void)
{
    int i;

    for (i = 0; i < PUBLISHES; i++)
        CHECK(push_publish("fork", "{}") >= 0);
}

static void child(void)
{
    publish_many();
    CHECK(socket_descriptor() != -1);
}

/* A child that closes everything and opens its own, as daemons do: the number of the inherited
 * connection stands for a file now. */
static void child_as_daemon(void)
{
    struct stat before, after;
    int inherited = socket_descriptor();

    CHECK(inherited != -1);
    close(inherited);
    CHECK(open("/dev/null", O_WRONLY) == inherited);
    CHECK(fstat(inherited, &before) == 0);
    publish_many();
    CHECK(fstat(inherited, &after) == 0);
    CHECK(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
}

static void start(void (*body)(void))
{
    pid_t pid = fork();

    CHECK(pid != -1);
    if (pid == 0) {
        body();
        exit(EXIT_SUCCESS);
    }
}

static void child_with_a_child(void)
{
    int status;

    /* Published here or not, the grandchild is on its own. */
    start(child);
    publish_many();
    start(child);
    CHECK(wait(&status) != -1 && status == 0);
    CHECK(wait(&status) != -1 && status == 0);
}

int main(void)
{
    int status;
    int i;

    CHECK(push_publish("fork", "{}") >= 0);
    CHECK(fcntl(socket_descriptor(), F_GETFD) & FD_CLOEXEC);
    for (i = 0; i < CHILDREN; i++)
        start(child);
    start(child_as_daemon);
    start(child_with_a_child);
    publish_many();
    while (wait(&status) != -1)
        CHECK(status == 0);
    publish_many();
    return EXIT_SUCCESS;
}
