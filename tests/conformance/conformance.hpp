// The conformance suite: what every provider has to do, run by provider name on a real server.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <pg/testing/test_server.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "tests/conformance/forms.hpp"

namespace conformance {

using namespace std::chrono_literals;

/// How clients reach the server.
enum class Transport : std::uint8_t { unix_socket, tcp, tls };

/// A provider, its engine, what lies between it and the server, and how calls are made.
struct Pairing {
    const char* provider;
    const char* engine;
    Transport transport;
    Form form = Form::blocking;
};

/// A client of the pairing under test on a database of its own. PGCLIENT_TEST_MAJOR names the server's major version.
class Conformance : public testing::TestWithParam<Pairing> {
protected:
    static void SetUpTestSuite() {
        name() = next_name();
        pg::testing::shared_server().create_database(name());
        secured_server().create_database(name());
    }

    [[nodiscard]] static std::string conninfo() {
        const bool by_unix_socket = GetParam().transport == Transport::unix_socket;
        const std::string to_database = by_unix_socket ? server().conninfo(name()) : server().tcp_conninfo(name());
        return to_database + " engine=" + GetParam().engine;
    }
    [[nodiscard]] static pg::Options options() { return {.provider = GetParam().provider}; }
    /// A client beside `db`.
    [[nodiscard]] static Client connect(const pg::Options& options = Conformance::options(),
                                        std::string_view more = {}) {
        return {pg::connect(conninfo().append(more), options), GetParam().form};
    }

    /// A session that came to another engine, or another way, than was asked for proves nothing of the one that was.
    void SetUp() override {
        ASSERT_EQ(db.connection().engine(), GetParam().engine);
        const auto [by_tcp, by_tls] = db.query_one<std::tuple<bool, bool>>(
            "select inet_server_addr() is not null, ssl from pg_stat_ssl where pid = pg_backend_pid()");
        ASSERT_EQ(by_tcp, GetParam().transport != Transport::unix_socket);
        ASSERT_EQ(by_tls, GetParam().transport == Transport::tls);
        db.run_script("drop schema public cascade; create schema public");
    }

    Client db = connect();

private:
    static pg::testing::TestServer& secured_server() {
        static pg::testing::TestServer server =
            pg::testing::TestServer::start({.major = pg::testing::shared_server().major(), .tls = true});
        return server;
    }
    static pg::testing::TestServer& server() {
        return GetParam().transport == Transport::tls ? secured_server() : pg::testing::shared_server();
    }
    /// Of the suite's database, on both servers.
    static std::string& name() {
        static std::string text;
        return text;
    }
    static std::string next_name() {
        static int number = 0;
        return "conformance_" + std::to_string(++number);
    }
};

/// What the library ships, on every way to a server; the awaited form where there is one.
inline std::vector<Pairing> pairings(Form form) {
    std::vector<Pairing> all;
    for (const char* engine : {"libpq", "direct"})
        for (const Transport transport : {Transport::unix_socket, Transport::tcp, Transport::tls}) {
            if (form == Form::blocking) all.push_back({"libpq", engine, transport, form});
            all.push_back({"async", engine, transport, form});
        }
    return all;
}

inline std::string name_of(const Pairing& pairing) {
    constexpr const char* transports[] = {"unix", "tcp", "tls"};
    return std::string(pairing.provider) + "_" + pairing.engine + "_" +
           transports[static_cast<std::size_t>(pairing.transport)];
}

}  // namespace conformance

/// The promises of a suite, asked in both forms. @{
#define PGCLIENT_CONFORMANCE(Suite)                     \
    PGCLIENT_CONFORMANCE_OF(Blocking, Suite, blocking); \
    PGCLIENT_CONFORMANCE_OF(Awaited, Suite, awaited)
#define PGCLIENT_CONFORMANCE_OF(Name, Suite, form)                                                           \
    INSTANTIATE_TEST_SUITE_P(Name, Suite, testing::ValuesIn(conformance::pairings(conformance::Form::form)), \
                             [](const testing::TestParamInfo<conformance::Pairing>& pairing) {               \
                                 return conformance::name_of(pairing.param);                                 \
                             })  /// @}
