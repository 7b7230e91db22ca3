// demo [URL]: the tour on a throwaway server, or on the one at URL in a schema of its own that is dropped at the end.
#include <iostream>
#include <optional>
#include <pg/config.hpp>
#include <pg/connection.hpp>
#include <pg/testing/test_server.hpp>

#include "atlas.hpp"
#include "tour.hpp"

namespace {

constexpr const char* schema = "pgclient_demo";

/// Everything the demo makes is in one schema, which goes when this goes.
class Schema {
public:
    explicit Schema(pg::Client& db) : db_(db) { db_.run_script(std::string("create schema ") + schema); }
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;
    ~Schema() {
        if (auto dropped = db_.try_run_script(std::string("drop schema ") + schema + " cascade"); !dropped)
            std::cerr << "the schema " << schema << " was left behind: " << dropped.error().what() << '\n';
    }

private:
    pg::Client& db_;
};

void run(const std::string& conninfo) {
    pg::Client plain = pg::connect(conninfo);
    const Schema own(plain);
    // Sessions of this client look into that schema first.
    pg::Config config = pg::Config::parse(conninfo).value();
    config.set("options", std::string("-c search_path=") + schema).value();
    const pg::Secret in_schema = config.conninfo();
    pg::Client db = pg::connect(in_schema.reveal());
    std::cout << "connected to " << db.connection().node() << ", PostgreSQL "
              << db.query_one<std::string>("select current_setting('server_version')") << '\n';
    std::cout << demo::load_atlas(db) << " rows loaded by binary COPY\n";
    demo::tour(db);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc > 2) {
            std::cerr << "usage: demo [URL]\n";
            return 2;
        }
        std::optional<pg::testing::TestServer> server;
        if (argc < 2) server.emplace(pg::testing::TestServer::start());
        run(server ? std::string(server->conninfo()) : argv[1]);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "demo: " << error.what() << '\n';
        return 1;
    }
}
