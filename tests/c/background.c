/* Events in a queue: a thread only if one is asked for, with signals blocked; answers and failures
 * are told. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { EVENTS = 300, WAIT_MS = 30000 };

struct seen {
    int count;
    pthread_t thread;
    int is_interrupted_by_term;
    int is_told_of_crashes;
};

static void on_answer(void *context, int result, const push_receipt *receipt)
{
    struct seen *seen = context;
    sigset_t blocked;

    CHECK(result >= 0);
    CHECK(receipt != NULL && receipt->subscribers == (uint64_t)result);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    seen->is_interrupted_by_term = !sigismember(&blocked, SIGTERM);
    seen->is_told_of_crashes = !sigismember(&blocked, SIGSEGV);
    seen->thread = pthread_self();
    seen->count++;
}

static void on_failure(void *context, int result, const push_receipt *receipt)
{
    CHECK(result == PUSH_ECONNECT);
    CHECK(receipt == NULL);
    CHECK(strstr(push_last_error(), "can't connect") != NULL);
    ++*(int *)context;
}

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer has a thread of its own. */
#define CHECK_THREAD_COUNT(expected) ((void)0)
#else
#define CHECK_THREAD_COUNT(expected) CHECK(thread_count() == (expected))

static int thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;

    CHECK(tasks != NULL);
    while (readdir(tasks) != NULL)
        count++;
    closedir(tasks);
    return count - 2; /* "." and ".." */
}
#endif

static push_client *new_client(const char *address)
{
    push_options options = PUSH_OPTIONS_INIT;
    push_client *client = NULL;

    options.address = address;
    options.timeout_ms = WAIT_MS;
    CHECK(push_client_new(&options, &client) == 0);
    return client;
}

static void publish_many(push_client *client)
{
    struct seen seen = {0};
    push_event event = PUSH_EVENT_INIT;
    int i;

    for (i = 0; i < EVENTS - 1; i++)
        CHECK(push_client_publish_async(client, "t", 1, "{}", 2, NULL, 0, on_answer, &seen) == 0);
    event.category = "t";
    event.category_len = 1;
    event.json = "{}";
    event.json_len = 2;
    event.exclude = "1.171";
    CHECK(push_client_publish_event_async(client, &event, on_answer, &seen) == 0);
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    CHECK(seen.count == EVENTS);
    CHECK(!pthread_equal(seen.thread, pthread_self()));
    CHECK(!seen.is_interrupted_by_term);
    CHECK(seen.is_told_of_crashes);
}

static void a_thread_only_if_asked_for(void)
{
    push_client *client = new_client(NULL);
    sigset_t before, after;

    CHECK(push_client_publish(client, "t", 1, "{}", 2, NULL, 0, NULL) >= 0);
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    CHECK_THREAD_COUNT(1);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0);
    publish_many(client);
    CHECK_THREAD_COUNT(2);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
    CHECK(sigismember(&before, SIGTERM) == sigismember(&after, SIGTERM));
    push_client_free(client);
    CHECK_THREAD_COUNT(1);
}

static void a_failure_is_told(void)
{
    push_client *client = new_client("unix:/nowhere/publish.sock");
    int failures = 0;

    CHECK(push_client_publish_async(client, "t", 1, "{}", 2, NULL, 0, on_failure, &failures) == 0);
    CHECK(push_client_flush(client, WAIT_MS) == 1);
    CHECK(failures == 1);
    push_client_free(client);
}

int main(void)
{
    a_thread_only_if_asked_for();
    a_failure_is_told();
    return EXIT_SUCCESS;
}
