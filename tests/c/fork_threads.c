/* Forks while other threads are in the middle of a publish: a child must neither wait for a thread
 * that it does not have nor take over that thread's connection. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2, FORKS = 20, PUBLISHES = 5, SECONDS_MAX = 60 };

static int stopped;

static void *publish_until_stopped(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED))
        CHECK(push_publish("threads", "{}") >= 0);
    return NULL;
}

static void child(void)
{
    int i;

    /* A child that hangs is killed, which its parent sees. */
    alarm(SECONDS_MAX);
    for (i = 0; i < PUBLISHES; i++)
        CHECK(push_publish("children", "{}") >= 0);
    /* Not exit(): no thread can clean up the state of threads that the fork did not copy. */
    _exit(EXIT_SUCCESS);
}

int main(void)
{
    pthread_t threads[THREADS];
    int status;
    int i;

    CHECK(push_publish("threads", "{}") >= 0);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, publish_until_stopped, NULL) == 0);
    for (i = 0; i < FORKS; i++) {
        pid_t pid = fork();

        CHECK(pid != -1);
        if (pid == 0)
            child();
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
    __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return EXIT_SUCCESS;
}
