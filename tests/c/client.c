/* A client of one's own: options, lengths, receipts, and children that free their copy. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if PUSH_VERSION_MAJOR == 0 && PUSH_VERSION_MINOR < 1
#error "the version macros can't be used in #if"
#endif

static push_client *new_client(void)
{
    push_options options = PUSH_OPTIONS_INIT;
    push_client *client = NULL;

    options.timeout_ms = 30000;
    CHECK(push_client_new(&options, &client) == 0);
    CHECK(client != NULL);
    return client;
}

static void sequences_grow(push_client *client)
{
    const char text[] = "client{\"n\":1}, and more";
    push_receipt first = {0}, second = {0};

    CHECK(push_client_publish(client, text, 6, text + 6, 7, NULL, 0, &first) >= 0);
    CHECK(push_client_publish(client, text, 6, text + 6, 7, NULL, 0, &second) >= 0);
    CHECK(second.sequence > first.sequence);
    CHECK(push_client_publish(client, text, 6, text + 6, 7, NULL, 0, NULL) >= 0);
}

static void an_id_counts_once(push_client *client)
{
    push_receipt first = {0}, again = {0}, other = {0};

    CHECK(push_client_publish(client, "client", 6, "{\"n\":2}", 7, "entry-1", 0, &first) >= 0);
    CHECK(push_client_publish(client, "client", 6, "{\"n\":2}", 7, "entry-1", 0, &again) >= 0);
    CHECK(again.sequence == first.sequence);
    CHECK(push_client_publish(client, "client", 6, "{\"n\":3}", 7, "entry-2", 0, &other) >= 0);
    CHECK(other.sequence > first.sequence);
}

static void a_session_is_excluded(push_client *client)
{
    push_event event = PUSH_EVENT_INIT;
    push_receipt receipt = {0};

    event.category = "client";
    event.category_len = 6;
    event.json = "{\"n\":5}";
    event.json_len = 7;
    event.exclude = "1.171";
    CHECK(push_client_publish_event(client, &event, &receipt) >= 0);
    CHECK(receipt.sequence > 0);
    event.exclude = "nobody";
    CHECK(push_client_publish_event(client, &event, &receipt) == PUSH_EINVAL);
    CHECK(push_client_publish_event(client, NULL, &receipt) == PUSH_EINVAL);
    CHECK(push_client_publish_event(NULL, &event, &receipt) == PUSH_EINVAL);
}

static void positions(push_client *client)
{
    char before[PUSH_POSITION_SIZE], after[PUSH_POSITION_SIZE], small[8];
    push_receipt receipt = {0};

    receipt.nodes = 1;
    CHECK(push_client_position(client, before, sizeof before) == 0);
    CHECK(push_position(after, sizeof after) == 0);
    CHECK(strcmp(before, after) == 0);
    CHECK(push_client_publish(client, "client", 6, "{\"n\":4}", 7, NULL, 0, &receipt) >= 0);
    CHECK(strcmp(receipt.position, before) != 0);
    CHECK(receipt.stored > PUSH_STORED_NO);
    CHECK(receipt.nodes == 0); /* this pushd has a log of its own */
    CHECK(push_position(after, sizeof after) == 0);
    CHECK(strcmp(receipt.position, after) == 0);
    CHECK(push_position(small, sizeof small) == PUSH_EINVAL);
    CHECK(push_position(NULL, PUSH_POSITION_SIZE) == PUSH_EINVAL);
    CHECK(push_client_position(NULL, after, sizeof after) == PUSH_EINVAL);
}

static void mistakes(push_client *client)
{
    push_options options = PUSH_OPTIONS_INIT;
    push_receipt receipt = {42, 43, "44", 45, 46, 47};
    push_client *none = NULL;

    CHECK(push_client_publish(NULL, "t", 1, "{}", 2, NULL, 0, NULL) == PUSH_EINVAL);
    CHECK(push_client_publish(client, "t", 1, "{}", 1, NULL, 0, &receipt) == PUSH_EJSON);
    CHECK(push_client_publish(client, "t", 0, "{}", 2, NULL, 0, &receipt) == PUSH_ETOPIC);
    CHECK(push_client_publish(client, NULL, 0, "{}", 2, NULL, 0, &receipt) == PUSH_EINVAL);
    CHECK(push_client_publish(client, "t", 1, "{}", 2, "", 0, &receipt) == PUSH_EINVAL);
    CHECK(receipt.sequence == 42 && receipt.subscribers == 43);
    CHECK(strcmp(receipt.position, "44") == 0 && receipt.stored == 45);
    CHECK(receipt.nodes == 46 && receipt.spooled == 47);
    options.token = "with a blank";
    CHECK(push_client_new(&options, &none) == PUSH_ECONFIG);
    options.token = NULL;
    options.address = "nowhere";
    CHECK(push_client_new(&options, &none) == PUSH_ECONFIG);
    CHECK(push_client_new(NULL, NULL) == PUSH_EINVAL);
    CHECK(none == NULL);
    push_client_free(NULL);
}

static void child(push_client *client, int does_publish)
{
    if (does_publish)
        sequences_grow(client);
    push_client_free(client);
    exit(EXIT_SUCCESS);
}

static void children(push_client *client)
{
    int status;
    int i;

    for (i = 0; i < 2; i++) {
        pid_t pid = fork();

        CHECK(pid != -1);
        if (pid == 0)
            child(client, i);
        /* The parent's connection is not the child's to close. */
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        sequences_grow(client);
    }
}

int main(void)
{
    push_client *client = new_client();
    push_client *other = new_client();

    sequences_grow(client);
    sequences_grow(other);
    push_client_free(other);
    an_id_counts_once(client);
    a_session_is_excluded(client);
    positions(client);
    mistakes(client);
    children(client);
    push_client_free(client);
    return EXIT_SUCCESS;
}
