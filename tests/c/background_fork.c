/* Children have a queue of their own and free the parent's without disturbing it. Not for valgrind:
 * in a child it reports memory that the parent's thread was using, which the child cannot free. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 20, EVENTS = 200, WAIT_MS = 30000 };

static void on_answer(void *context, int result, const push_receipt *receipt)
{
    CHECK(result >= 0 && receipt != NULL);
    ++*(int *)context;
}

static void publish(push_client *client, int *answers)
{
    int i;

    for (i = 0; i < EVENTS; i++)
        CHECK(push_client_publish_async(client, "t", 1, "{}", 2, NULL, 0, on_answer, answers) == 0);
}

static void child(push_client *client, int does_publish)
{
    int answers = 0;

    /* A child that hangs is killed, which its parent sees. */
    alarm(WAIT_MS / 1000);
    /* Nothing of the parent's is waiting here. */
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    if (does_publish) {
        publish(client, &answers);
        CHECK(push_client_flush(client, WAIT_MS) == 0);
        CHECK(answers == EVENTS);
    }
    push_client_free(client);
    _exit(EXIT_SUCCESS);
}

int main(void)
{
    push_options options = PUSH_OPTIONS_INIT;
    push_client *client = NULL;
    int answers = 0;
    int status;
    int i;

    options.timeout_ms = WAIT_MS;
    CHECK(push_client_new(&options, &client) == 0);
    for (i = 0; i < CHILDREN; i++) {
        pid_t pid;

        /* The thread is in the middle of it at the fork. */
        publish(client, &answers);
        pid = fork();
        CHECK(pid != -1);
        if (pid == 0)
            child(client, i % 2);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    CHECK(answers == CHILDREN * EVENTS);
    push_client_free(client);
    return EXIT_SUCCESS;
}
