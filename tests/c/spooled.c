/* Without a server, events go to the spool of PUSH_SPOOL: directly, by a client, and from the queue. */
#include "check.h"
#include <string.h>

enum { WAIT_MS = 30000 };

static void on_answer(void *context, int result, const push_receipt *receipt)
{
    CHECK(result == PUSH_SPOOLED);
    CHECK(receipt != NULL && receipt->spooled == 1 && receipt->subscribers == 0);
    ++*(int *)context;
}

int main(void)
{
    push_client *client = NULL;
    push_receipt receipt = {0};
    int answers = 0;

    CHECK(push_publish("c", "\"direct\"") == PUSH_SPOOLED);
    CHECK(push_client_new(NULL, &client) == 0);
    CHECK(push_client_publish(client, "c", 1, "\"client\"", 8, NULL, 0, &receipt) == PUSH_SPOOLED);
    CHECK(receipt.spooled == 1);
    CHECK(push_client_publish_async(client, "c", 1, "\"queue\"", 7, NULL, 0, on_answer, &answers) == 0);
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    CHECK(answers == 1);
    push_client_free(client);
    return EXIT_SUCCESS;
}
