/* Polls a variable that a callback writes, without a lock: the race detector must report it. */
#include "check.h"

enum { WAIT_MS = 30000, NOT_YET = -1 };

static void on_answer(void *context, int result, const push_receipt *receipt)
{
    (void)receipt;
    *(volatile int *)context = result;
}

int main(void)
{
    push_client *client = NULL;
    volatile int result = NOT_YET;

    CHECK(push_client_new(NULL, &client) == 0);
    CHECK(push_client_publish_async(client, "t", 1, "{}", 2, NULL, 0, on_answer, (void *)&result) == 0);
    while (result == NOT_YET)
        continue;
    CHECK(push_client_flush(client, WAIT_MS) == 0);
    push_client_free(client);
    return EXIT_SUCCESS;
}
