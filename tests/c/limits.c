/* The system has no thread and no descriptor for this program: that is a code, and the program goes on. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* Returns the previous value. */
static rlim_t limit(int resource, rlim_t to)
{
    struct rlimit limits;
    rlim_t before;

    CHECK(getrlimit(resource, &limits) == 0);
    before = limits.rlim_cur;
    limits.rlim_cur = to;
    CHECK(setrlimit(resource, &limits) == 0);
    return before;
}

static int publish_async(push_client *client)
{
    return push_client_publish_async(client, "t", 1, "{}", 2, NULL, 0, NULL, NULL);
}

static void without_threads(push_client *client)
{
    int is_root = geteuid() == 0;
    rlim_t before = limit(RLIMIT_NPROC, 0);
    int result;

    /* It does not count for root. */
    if (is_root)
        CHECK(setresuid(NOBODY, NOBODY, 0) == 0);
    result = publish_async(client);
    if (is_root)
        CHECK(setresuid(0, 0, 0) == 0);
    CHECK(result == PUSH_ETHREAD);
    CHECK(strstr(push_last_error(), "thread") != NULL);
    limit(RLIMIT_NPROC, before);
    /* The next event starts it. */
    CHECK(publish_async(client) == 0);
    CHECK(push_client_flush(client, 30000) == 0);
}

static void without_descriptors(push_client *client)
{
    rlim_t before = limit(RLIMIT_NOFILE, 3);

    CHECK(push_publish("t", "{}") == PUSH_ECONNECT);
    CHECK(push_client_publish(client, "t", 1, "{}", 2, NULL, 0, NULL) == PUSH_ECONNECT);
    CHECK(strstr(push_last_error(), "Too many open files") != NULL);
    limit(RLIMIT_NOFILE, before);
    CHECK(push_publish("t", "{}") >= 0);
    CHECK(push_client_publish(client, "t", 1, "{}", 2, NULL, 0, NULL) >= 0);
}

int main(void)
{
    push_client *client = NULL;

    CHECK(push_client_new(NULL, &client) == 0);
    without_descriptors(client);
    without_threads(client);
    push_client_free(client);
    return EXIT_SUCCESS;
}
