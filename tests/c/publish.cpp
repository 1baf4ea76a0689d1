// Publishes one event: publish CATEGORY JSON
//
// Prints how many browsers it was queued to.
#include <pusher.h>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

static int publish(const std::string &category, const std::string &json)
{
    const int browsers = push_publish(category.c_str(), json.c_str());
    if (browsers < 0)
        throw std::runtime_error(push_last_error());
    return browsers;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " CATEGORY JSON\n";
        return 1;
    }
    try {
        std::cout << publish(argv[1], argv[2]) << '\n';
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
