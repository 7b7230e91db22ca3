// What the examples share: a schema of their own, and a check that fails the program.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <pg/client.hpp>
#include <pg/config.hpp>
#include <pg/testing/test_server.hpp>
#include <string>
#include <unistd.h>

namespace example {

/// A new schema, which goes with all that is in it when this goes.
class Schema {
public:
    Schema(std::string server, std::string name) : server_(std::move(server)), name_(std::move(name)) {
        pg::connect(server_).run_script("create schema " + name_);
    }
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;
    ~Schema() {
        if (auto dropped = pg::open(server_).try_run_script("drop schema " + name_ + " cascade"); !dropped)
            std::fprintf(stderr, "the schema %s was left behind: %s\n", name_.c_str(), dropped.error().what());
    }

    /// What the server's says to libpq, for sessions that see this schema and no other.
    [[nodiscard]] std::string conninfo() const {
        pg::Config config = pg::Config::parse(server_).value();
        const std::string options(config.get("options").value_or(""));
        config.set("options", options + " -c search_path=" + name_).value();
        const pg::Secret all = config.conninfo();
        return std::string(all.reveal());
    }

private:
    std::string server_, name_;
};

/// An ordinary role, as an application has one, on a server that lives as long as the program.
inline std::string throwaway_server() {
    const std::string superuser = pg::testing::shared_server().conninfo();
    pg::connect(superuser).run_script("create role app login; grant create on database postgres to app");
    return superuser + " user=app";
}

/// For a schema of this program's own, on the server that the command line names or on a throwaway one.
inline std::string conninfo(int argc, char** argv) {
    static const Schema schema(argc > 1 ? argv[1] : throwaway_server(), "pgclient_example_" + std::to_string(getpid()));
    return schema.conninfo();
}

/// Ends the program, and so the test that runs it, when what the page says is not so.
inline void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

}  // namespace example
