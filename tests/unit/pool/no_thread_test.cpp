// The pool where the system gives no more threads: who asks is told so, and the next one tries again.
#include <gtest/gtest.h>

#include "src/pool/credential_desk.hpp"
#include "src/pool/make_pool.hpp"
#include "tests/unit/core/fake_session.hpp"
#include "tests/unit/refused_threads.hpp"

namespace {

/// Its sessions live nowhere in particular, as those of the provider "libpq".
class HomelessProvider final : public pg::spi::Provider {
public:
    explicit HomelessProvider(std::shared_ptr<fake::Server> server) : server_(std::move(server)) {}

private:
    pg::Expected<std::unique_ptr<pg::spi::Session>> do_open(const pg::Config&, const pg::spi::SessionContext&,
                                                            const pg::spi::Wait&) noexcept override {
        return std::unique_ptr<pg::spi::Session>(std::make_unique<fake::Session>(server_));
    }
    std::string_view do_name() const noexcept override { return "homeless"; }
    std::string_view do_version() const noexcept override { return "1"; }
    pg::spi::Capabilities do_capabilities() const noexcept override { return {}; }

    std::shared_ptr<fake::Server> server_;
};

TEST(PoolWithoutThreads, SaysSoAndTriesAgainForTheNext) {
    const auto server = std::make_shared<fake::Server>();
    const auto pool = pg::pool::make_pool(std::make_shared<HomelessProvider>(server), pg::Config(), {}, {});
    refuses = true;
    const auto refused = pool->acquire({});
    refuses = false;
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::connect);
    EXPECT_NE(refused.error().message().find("no thread can be started"), std::string_view::npos);
    EXPECT_EQ(refused.error().outcome(), pg::Outcome::not_sent);
    EXPECT_TRUE(pool->acquire({pg::Deadline::after(std::chrono::seconds(20))}));
}

class Vault final : public pg::CredentialSource {
    pg::Expected<pg::Credential> do_credential(const pg::Deadline&) noexcept override {
        return pg::Credential{pg::Secret("of today")};
    }
};

TEST(CredentialsWithoutThreads, SaySoAndTryAgainForTheNext) {
    const auto desk = std::make_shared<pg::pool::CredentialDesk>(std::make_shared<Vault>());
    refuses = true;
    const auto refused = desk->password({});
    refuses = false;
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("no thread can be started"), std::string_view::npos);
    EXPECT_TRUE(desk->password({pg::Deadline::after(std::chrono::seconds(20))}));
}

/// Hears of its refusal.
class Refused final : public pg::spi::LeaseWaiter {
public:
    std::optional<pg::Error> why;

private:
    void do_settle(pg::Expected<pg::spi::Lease> lease) noexcept override {
        if (!lease) why = lease.error();
    }
};

TEST(PoolOfHomelessSessions, CannotBeAwaited) {
    const auto pool =
        pg::pool::make_pool(std::make_shared<HomelessProvider>(std::make_shared<fake::Server>()), pg::Config(), {}, {});
    Refused waiter;
    pool->request(waiter, pg::Deadline::never());
    ASSERT_TRUE(waiter.why);
    EXPECT_EQ(waiter.why->kind(), pg::ErrorKind::usage);
}

}  // namespace
