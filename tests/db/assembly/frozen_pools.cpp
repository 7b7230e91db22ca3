// The functions of pools, which block whatever the provider.
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/pool/pool.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {

using namespace std::chrono_literals;

const std::vector<Verb>& pools() {
    static const std::vector<Verb> all{
        {"Pool::wait_ready",
         [](Line& line, pg::Client&) {
             const pg::Client other = line.other_client();
             line.go_silent(), other.pool().wait_ready(1, line.options().timeout).value();
         }},
        {"Pool::drain",
         [](Line& line, pg::Client&) {
             pg::Client other = line.other_client();
             const pg::Connection out = other.connection();
             line.go_silent(), other.close();
             EXPECT_EQ(other.pool().drain(line.options().timeout), 1U) << "it did not wait for the session that is out";
             line.end_call();
         },
         End::mute},
        // These close on the calling thread what is idle.
        {"Pool::resize",
         [](Line& line, pg::Client& db) {
             db.pool().wait_ready(2, line.options().timeout).value();
             line.go_silent(), db.pool().resize(1, 0, 0);
         },
         End::mute},
        {"Pool::refresh", [](Line& line, pg::Client& db) { line.go_silent(), db.pool().refresh(); }, End::mute},
    };
    return all;
}

}  // namespace frozen
