// A server that speaks another language: a plan that no longer fits is known by its SQLSTATE and its routine, whatever
// the words are.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <pg/client.hpp>
#include <pg/statement_cache.hpp>
#include <pg/testing/test_server.hpp>
#include <sstream>
#include <stdexcept>

namespace {

namespace fs = std::filesystem;
using pg::testing::TestServer;

/// PostgreSQL's programs under another roof, where the server is told to speak German. The server of the tests gives
/// its own no environment but what they need.
class GermanInstallation {
public:
    GermanInstallation() {
        const TestServer& english = pg::testing::shared_server();
        const fs::path real = fs::read_symlink("/proc/" + std::to_string(english.pid()) + "/exe").parent_path();
        const fs::path programs = folder_ / std::to_string(english.major()) / "bin";
        fs::create_directories(programs);
        for (const auto& entry : fs::directory_iterator(real))
            if (entry.path().filename() != "postgres")
                fs::create_symlink(entry.path(), programs / entry.path().filename());
        std::ofstream(programs / "postgres")
            << "#!/bin/sh\nLANGUAGE=de exec " << (real / "postgres").string() << " \"$@\"\n";
        fs::permissions(programs / "postgres", fs::perms(0755));
        fs::permissions(folder_, fs::perms(0755));
        ::setenv("PGCLIENT_POSTGRES_DIR", folder_.c_str(), 1);
    }
    ~GermanInstallation() {
        ::unsetenv("PGCLIENT_POSTGRES_DIR");
        fs::remove_all(folder_);
    }

private:
    static fs::path new_folder() {
        std::string name = fs::temp_directory_path() / "pgclient-german-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
        return name;
    }
    const fs::path folder_ = new_folder();
};

/// Lines that have both of these words.
int lines_with(const std::string& log, std::string_view one, std::string_view other) {
    std::istringstream lines(log);
    int count = 0;
    for (std::string line; std::getline(lines, line);)
        count += line.find(one) != line.npos && line.find(other) != line.npos ? 1 : 0;
    return count;
}

class Language : public ::testing::TestWithParam<const char*> {};

TEST_P(Language, OfTheServerIsNothingToTheHealingOfAPlan) {
    const GermanInstallation installation;
    TestServer server = TestServer::start({.major = pg::testing::shared_server().major(),
                                           .settings = {"lc_messages = 'C.UTF-8'", "log_min_duration_statement = 0"}});
    pg::Client other = pg::connect(server.conninfo());
    const auto refused = other.try_exec("select 1 / 0");
    ASSERT_FALSE(refused);
    if (refused.error().message() == "division by zero") GTEST_SKIP() << "PostgreSQL has no German texts here";
    EXPECT_EQ(refused.error().message(), "Division durch Null");

    other.run_script("create table spoken as select 7 as n");
    pg::Client db = pg::connect(server.conninfo() + " pool_max_size=1 engine=" + GetParam());
    constexpr pg::Sql<0> text("select * from spoken");
    const auto run = [&] {
        for (int i = 0; i < 5; ++i) {
            const auto all = db.try_query(text);
            ASSERT_TRUE(all) << all.error().what();
            EXPECT_EQ(all->size(), 1u);
        }
    };
    run();
    EXPECT_EQ(db.statement_cache().prepared, 1u);
    other.run_script("alter table spoken add column more text");
    run();
    EXPECT_EQ(db.statement_cache().outdated, 1u);
    EXPECT_EQ(db.statement_cache().prepared, 2u);
    const std::string log = server.log();
    EXPECT_EQ(lines_with(log, "FEHLER", "gecachter Plan"), 1) << log;
    EXPECT_EQ(lines_with(log, "Parsen", "from spoken"), 3) << "without a name, with one, and once more: " << log;
}

INSTANTIATE_TEST_SUITE_P(Engine, Language, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
