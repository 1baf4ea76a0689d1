/* Does not free a client: the memory checker must report it. */
#include "check.h"

static void forget(void)
{
    push_client *client = NULL;

    CHECK(push_client_new(NULL, &client) == 0);
    CHECK(push_client_publish(client, "t", 1, "{}", 2, NULL, 0, NULL) >= 0);
}

int main(void)
{
    forget();
    return EXIT_SUCCESS;
}
