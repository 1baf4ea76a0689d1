/* Wrong arguments are errors, never crashes, and every error has its text. */
#include "check.h"
#include <limits.h>
#include <string.h>

static void nothing_has_failed_yet(void)
{
    CHECK(strcmp(push_last_error(), "") == 0);
    CHECK(strlen(push_version()) >= strlen("0.0.0"));
}

static void arguments(void)
{
    CHECK(push_publish(NULL, NULL) == PUSH_EINVAL);
    CHECK(push_publish(NULL, "{}") == PUSH_EINVAL);
    CHECK(strstr(push_last_error(), "category is NULL") != NULL);
    CHECK(push_publish("category", NULL) == PUSH_EINVAL);
    CHECK(strstr(push_last_error(), "json is NULL") != NULL);
    CHECK(push_publish("\xff", "{}") == PUSH_EINVAL);
    CHECK(push_publish("category", "\"\xc3\"") == PUSH_EINVAL);
    CHECK(push_publish("", "{}") == PUSH_ETOPIC);
    CHECK(push_publish("category", "") == PUSH_EJSON);
    CHECK(push_publish("category", "{}],[3,2,\"t\",{}") == PUSH_EJSON);
}

static void lengths(void)
{
    static char topic[1024 + 2];
    static char event[3 * 1024 * 1024 + 2];

    memset(topic, 't', sizeof topic - 1);
    CHECK(push_publish(topic, "{}") == PUSH_ETOPIC);
    memset(event, '1', sizeof event - 1);
    CHECK(push_publish("category", event) == PUSH_ETOOBIG);
}

static void texts(void)
{
    int code;

    for (code = PUSH_EINVAL; code >= PUSH_EINTERNAL; code--) {
        CHECK(strlen(push_strerror(code)) > 0);
        CHECK(strcmp(push_strerror(code), push_strerror(INT_MIN)) != 0);
    }
    CHECK(strcmp(push_strerror(0), push_strerror(INT_MAX - 1)) == 0);
}

int main(void)
{
    nothing_has_failed_yet();
    arguments();
    lengths();
    texts();
    return EXIT_SUCCESS;
}
