// shared_server: one server for a whole test process.
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pg/testing/test_server.hpp"
#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

int wanted_major() {
    const char* variable = std::getenv("PGCLIENT_TEST_MAJOR");
    if (variable == nullptr || *variable == '\0') return TestServerOptions{}.major;
    const std::string_view text = variable;
    int major = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), major);
    if (error != std::errc() || end != text.data() + text.size())
        failure(ErrorKind::usage, "PGCLIENT_TEST_MAJOR is \"" + std::string(text) + "\", which is not a major version")
            .raise();
    return major;
}

}  // namespace

TestServer& shared_server() {
    static TestServer server = TestServer::start({.major = wanted_major()});
    return server;
}

}  // namespace pg::testing
