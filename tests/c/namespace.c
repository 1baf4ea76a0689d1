/* Parent and child are both process 1, each in a PID namespace of its own, made by clone() as programs that run
 * containers do: the child must not take its parent's connection for its own. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PUBLISHES = 200, DESCRIPTORS = 64, WAIT_MS = 30000 };

static push_client *client;

/* The only socket this process has. */
static ino_t socket_inode(void)
{
    struct stat status;
    ino_t found = 0;
    int descriptor;

    for (descriptor = 3; descriptor < DESCRIPTORS; descriptor++) {
        if (fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode)) {
            CHECK(found == 0);
            found = status.st_ino;
        }
    }
    CHECK(found != 0);
    return found;
}

static void publish_many(void)
{
    int i;

    for (i = 0; i < PUBLISHES; i++)
        CHECK(push_publish("namespace", "{}") >= 0);
}

static void on_answer(void *context, int result, const push_receipt *receipt)
{
    CHECK(result >= 0 && receipt != NULL);
    ++*(int *)context;
}

/* The queue's thread is the parent's: here another one is needed. */
static void publish_in_background(void)
{
    int answers = 0;

    CHECK(push_client_publish_async(client, "namespace", 9, "{}", 2, NULL, 0, on_answer, &answers) == 0);
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    CHECK(answers == 1);
}

static void second(void)
{
    ino_t inherited = socket_inode();

    CHECK(getpid() == 1);
    publish_many();
    CHECK(socket_inode() != inherited);
    publish_in_background();
}

/* As fork() does, but with a PID namespace. Without root's rights also with a user namespace, in which it has them. */
static pid_t start(void (*body)(void))
{
    pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);

    if (pid == -1 && errno == EPERM)
        pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (pid == -1)
        perror("clone(CLONE_NEWPID)");
    CHECK(pid != -1);
    if (pid == 0) {
        /* A child that hangs ends by itself. */
        alarm(WAIT_MS / 1000);
        body();
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

static void wait_for(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

static void first(void)
{
    push_options options = PUSH_OPTIONS_INIT;
    pid_t child;

    CHECK(getpid() == 1);
    options.timeout_ms = WAIT_MS;
    CHECK(push_client_new(&options, &client) == 0);
    CHECK(push_publish("namespace", "{}") >= 0);
    child = start(second);
    publish_many();
    wait_for(child);
    /* With its queue's thread running. */
    CHECK(push_client_publish_async(client, "namespace", 9, "{}", 2, NULL, 0, NULL, NULL) == 0);
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    child = start(publish_in_background);
    wait_for(child);
    publish_in_background();
}

int main(void)
{
    wait_for(start(first));
    return EXIT_SUCCESS;
}
