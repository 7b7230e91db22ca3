// demo [URL]: the tour on a throwaway server, or on the one at URL in a schema of its own that is dropped at the end.
#include <iostream>
#include <optional>
#include <pg/connection.hpp>
#include <pg/testing/test_server.hpp>

#include "../example.hpp"
#include "atlas.hpp"
#include "tour.hpp"

namespace {

void run(const std::string& server) {
    const example::Schema schema(server, "pgclient_demo");
    pg::Client db = pg::connect(schema.conninfo());
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
