// The C++ wrapper: exceptions, receipts, clients that move and free themselves, in many threads.
#include <pusher.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

static void check(bool condition, const std::string &what)
{
    if (!condition) {
        std::cerr << "not so: " << what << '\n';
        std::exit(1);
    }
}

template <typename Call> static void throws(int code, const std::string &text, Call call)
{
    try {
        call();
    } catch (const push::error &error) {
        check(error.code() == code, text + ", but " + error.what());
        check(std::string(error.what()).find(text) != std::string::npos, error.what());
        return;
    }
    check(false, "throws: " + text);
}

static push::client make_client()
{
    return push::client(std::string(), std::chrono::milliseconds(30000));
}

static void publishes()
{
    push::client client = make_client();
    const push::receipt first = client.publish("cpp", "{}");
    push::client moved = std::move(client);

    check(moved.publish("cpp", "{}").sequence > first.sequence, "sequences grow");
    const push::receipt once = moved.publish("cpp", "{}", "entry-1");
    check(moved.publish("cpp", "{}", "entry-1").sequence == once.sequence, "an id counts once");
    check(push::publish("cpp", "{}") >= 0, "the process-wide connection");
    check(moved.publish_except("1.171", "cpp", "{}").sequence > once.sequence, "for all but one");
    const std::string before = moved.position();
    check(push::position() == before, "both connections lead to one log");
    const push::receipt next = moved.publish("cpp", "{}");
    check(push::position() == next.position, "the receipt has the position");
    check(push::position() != before, "a publish moves the position");
    throws(PUSH_EINVAL, "client is NULL", [&] { client.publish("cpp", "{}"); });
}

static void mistakes()
{
    push::client client = make_client();

    throws(PUSH_ETOPIC, "topic is empty", [] { push::publish("", "{}"); });
    throws(PUSH_EINVAL, "a session is", [&] { client.publish_except("x", "cpp", "{}"); });
    throws(PUSH_EJSON, "not valid JSON", [&] { client.publish("cpp", "{"); });
    throws(PUSH_EINVAL, "json has a NUL", [] { push::publish("cpp", std::string("{}\0", 3)); });
    throws(PUSH_ECONFIG, "is not an address", [] { push::client("nowhere"); });
    throws(PUSH_ECONFIG, "timeout_ms", [] {
        push::client("tcp://127.0.0.1:1", std::chrono::milliseconds(-1));
    });
}

static void threads()
{
    push::client client = make_client();
    std::vector<std::thread> all;

    for (int number = 0; number < 4; number++)
        all.emplace_back([&client, number] {
            for (int i = 0; i < 25; i++)
                client.publish("cpp", std::to_string(number));
        });
    for (std::thread &thread : all)
        thread.join();
}

static void background()
{
    push::client client = make_client();
    int answers = 0;

    for (int number = 0; number < 50; number++)
        client.publish_async("cpp", std::to_string(number),
                             [&answers](int result, const push::receipt *receipt) {
                                 check(result >= 0 && receipt != nullptr, "answered");
                                 answers++;
                             });
    client.publish_async("cpp", "{}");
    check(client.flush(std::chrono::milliseconds(30000)) == 0, "delivered");
    check(answers == 50, "every callback has run");
    throws(PUSH_EJSON, "not valid JSON", [&] { client.publish_async("cpp", "{"); });
    throws(PUSH_EJSON, "not valid JSON",
           [&] { client.publish_async("cpp", "{", [](int, const push::receipt *) {}); });
}

int main()
{
    publishes();
    background();
    mistakes();
    threads();
}
