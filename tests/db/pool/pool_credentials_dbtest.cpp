// A password that is changed on a real server while the pool of a client lives.
#include <atomic>
#include <mutex>
#include <pg/pool/credentials.hpp>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

using pg::testing::TestServer;

/// What an administrator keeps passwords in. Thread-safe.
class Vault final : public pg::CredentialSource {
public:
    explicit Vault(std::string_view password) : password_(password) {}
    void change(std::string_view password) {
        const std::lock_guard lock(mutex_);
        password_ = pg::Secret(password);
    }
    std::atomic<int> asked{0};

private:
    pg::Expected<pg::Credential> do_credential(const pg::Deadline&) noexcept override {
        const std::lock_guard lock(mutex_);
        ++asked;
        return pg::Credential{password_};
    }

    std::mutex mutex_;  // guards the password
    pg::Secret password_;
};

class PoolCredentials : public PoolTest {
protected:
    static TestServer& server() {
        static TestServer started = TestServer::start({.auth = pg::testing::TestServerAuth::scram_sha_256});
        return started;
    }
    static pg::Client& admin() {
        static pg::Client client = pg::connect(server().conninfo());
        return client;
    }
    static void set_password(const std::string& role, const std::string& password) {
        admin().run_script("alter role " + role + " password '" + password + "'");
    }
};

TEST_P(PoolCredentials, AreAskedForOnceWhenTheyWereChanged) {  // fault 21
    const std::string role = std::string("rotated_") + GetParam();
    admin().run_script("create role " + role + " login password 'first'");
    const auto vault = std::make_shared<Vault>("first");
    const std::shared_ptr<pg::CredentialSource> source = vault;
    pg::Client db =
        open(server().conninfo() + " user=" + role + " password=of_the_string", 4, {.credentials = &source});
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
    EXPECT_EQ(vault->asked, 1);
    set_password(role, "second");
    vault->change("second");
    EXPECT_EQ(db.query_one<int>("select 1"), 1) << "what is open goes on";
    EXPECT_EQ(vault->asked, 1);
    db.pool().refresh();
    std::vector<std::thread> crowd;
    std::atomic<int> served = 0;
    for (int i = 0; i < 8; ++i)
        crowd.emplace_back([&] { served += db.query_one<int>("select 1 from pg_sleep(0.01)"); });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(served, 8) << "nobody notices";
    EXPECT_EQ(vault->asked, 2);
    EXPECT_EQ(db.pool().stats().failed_to_open, 0u);
}

TEST_P(PoolCredentials, AreSaidToBeRefusedWhenTheSourceHasNoBetterOnes) {
    const std::string role = std::string("stale_") + GetParam();
    admin().run_script("create role " + role + " login password 'first'");
    const auto vault = std::make_shared<Vault>("wrong");
    const std::shared_ptr<pg::CredentialSource> source = vault;
    pg::Client db = open(server().conninfo() + " user=" + role, 2, {.credentials = &source});
    const auto refused = db.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::auth);
    EXPECT_EQ(refused.error().sqlstate(), "28P01");
    EXPECT_EQ(std::string_view(refused.error().what()).find("wrong"), std::string_view::npos) << "it stays a secret";
    vault->change("first");
    EXPECT_TRUE(soon([&] { return db.try_exec("select 1").has_value(); }));
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolCredentials, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
