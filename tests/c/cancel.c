/* A thread is canceled while it publishes to a server that hangs: the program lives, the thread ends after the
 * call, and later publishes work. Brings its own servers, PUSH_ADDRESS is not used. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "server.h"
#include <pthread.h>
#include <string.h>

enum { HANGS_MS = 300, WAIT_MS = 30000 };

/* The progress of the thread. */
static int returned, went_on;

static void *publish_and_go_on(void *client)
{
    /* As C programs do: canceled in it, this would unwind through the library. */
    returned = push_client_publish(client, "t", 1, "{}", 2, NULL, 0, NULL);
    pthread_testcancel();
    went_on = 1;
    return NULL;
}

static void *flush_and_go_on(void *client)
{
    returned = push_client_flush(client, HANGS_MS);
    pthread_testcancel();
    went_on = 1;
    return NULL;
}

static push_client *client_of(const char *address, int timeout_ms)
{
    push_options options = PUSH_OPTIONS_INIT;
    push_client *client = NULL;

    options.address = address;
    options.timeout_ms = timeout_ms;
    CHECK(push_client_new(&options, &client) == 0);
    return client;
}

static void cancel_in(void *(*body)(void *), push_client *client, int expect)
{
    pthread_t thread;
    void *result = NULL;

    returned = went_on = 0;
    CHECK(pthread_create(&thread, NULL, body, client) == 0);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    /* Canceled before the call, or after it. */
    CHECK(result == PTHREAD_CANCELED && !went_on);
    CHECK(returned == 0 || returned == expect);
}

/* In the middle of the call for certain: the server has read the publish. */
static void cancel_in_publish(struct server *server, push_client *client)
{
    pthread_t thread;
    void *result = NULL;

    returned = went_on = 0;
    CHECK(pthread_create(&thread, NULL, publish_and_go_on, client) == 0);
    server_wait_for_publish(server);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && !went_on);
    CHECK(returned == PUSH_ETIMEOUT);
}

int main(void)
{
    struct server hanging, answering;
    push_client *client, *other;

    server_start(&hanging, SERVER_HANGS);
    server_start(&answering, SERVER_ANSWERS);
    client = client_of(hanging.address, HANGS_MS);
    other = client_of(answering.address, WAIT_MS);

    cancel_in_publish(&hanging, client);
    cancel_in(publish_and_go_on, client, PUSH_ETIMEOUT);
    CHECK(push_client_publish_async(client, "t", 1, "{}", 2, NULL, 0, NULL, NULL) == 0);
    cancel_in(flush_and_go_on, client, 1);

    /* Nothing is left locked, neither here nor in others. */
    CHECK(push_client_publish(client, "t", 1, "{}", 2, NULL, 0, NULL) == PUSH_ETIMEOUT);
    CHECK(strstr(push_last_error(), "other threads") == NULL);
    CHECK(push_client_publish(other, "t", 1, "{}", 2, NULL, 0, NULL) == SERVER_BROWSERS);
    push_client_free(client);
    push_client_free(other);
    server_stop(&answering);
    server_stop(&hanging);
    return EXIT_SUCCESS;
}
