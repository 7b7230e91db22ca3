// The rules of an application: what its errors do to the sessions of its pool.
#include <gtest/gtest.h>

#include "tests/unit/core/fake_session.hpp"

namespace {

class Rules : public testing::Test {
protected:
    /// What is left open of two sessions after such an error on one, which goes on.
    static int left_after(const char* code, const std::vector<pg::PoolRule>& rules) {
        pg::pool::Limits limits = fake::Database::of_size(2);
        limits.rules = rules;
        fake::Database db(limits);
        {
            const pg::spi::Lease first = db.context->source->acquire({}).value();
            const pg::spi::Lease second = db.context->source->acquire({}).value();
        }
        db.server->answer("select 1", fake::server_error("23505"));
        EXPECT_FALSE(db.client.try_exec("select 1"));
        db.server->answer("select 1", fake::server_error(code));
        EXPECT_FALSE(db.client.try_exec("select 1"));
        return db.server->opened - db.server->closed;
    }
};

TEST_F(Rules, CloseASessionThatWouldGoOn) {
    EXPECT_EQ(left_after("53100", {}), 2);
    EXPECT_EQ(left_after("53100", {{.code = "53100"}}), 1);
    EXPECT_EQ(left_after("53200", {{.code = "53100"}}), 2) << "another code";
}

TEST_F(Rules, CloseTheOthersToo) {
    EXPECT_EQ(left_after("53100", {{.code = "53100", .fate = pg::PoolFate::replace_all}}), 0);
}

}  // namespace
