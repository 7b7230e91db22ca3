// A stranger's program: it uses nothing but the installed library, on servers of its own, real and fake.
#include <cstdio>
#include <pg/client.hpp>
#include <pg/testing/fake_server.hpp>
#include <pg/testing/test_server.hpp>
#include <string>

namespace {

bool fake_server_answers() {
    using namespace pg::testing;
    const auto server = FakeServer::start(Answers().on("select 7", {.columns = {{"n", pg::Oid{23}}}, .rows = {{"7"}}}));
    return pg::connect(server.conninfo()).query_one<int>("select 7") == 7;
}

}  // namespace

int main() {
    if (!fake_server_answers()) return 1;
    const pg::testing::TestServer server = pg::testing::TestServer::start();
    pg::Client db = pg::connect(server.conninfo());
    const auto answer = db.query_one<std::string>("select $1::int + 2 || ' from pgclient'", 40);
    try {
        db.exec("select 1 / $1::int", 0);
    } catch (const pg::ServerError& error) {
        std::printf("%s; %s\n", answer.c_str(), error.what());
        return answer == "42 from pgclient" && error.sqlstate() == "22012" ? 0 : 1;
    }
    return 1;
}
