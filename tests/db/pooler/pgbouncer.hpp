// PgBouncer: a real one before a test server, in a folder of its own, gone with its handle.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/testing/test_server.hpp"

namespace pooler_tests {

/// Handle: move-only. It listens on a unix socket alone, and lets everybody in as `postgres`. The process ends with the
/// handle, or with this process, however that ends. Which one runs, $PGCLIENT_TEST_PGBOUNCER says; unset, it is the one
/// of the system.
class PgBouncer final {
public:
    /// `mode` is `session` or `transaction`; `settings` are further lines for its file. Throws when it cannot be
    /// reached in time, with its log.
    PgBouncer(const pg::testing::TestServer& server, std::string_view mode,
              const std::vector<std::string>& settings = {});
    PgBouncer(PgBouncer&&) noexcept;
    PgBouncer& operator=(PgBouncer&&) noexcept = delete;
    ~PgBouncer();

    /// How a client reaches a database through it, `pooler=…` included.
    [[nodiscard]] std::string conninfo(std::string_view database) const;
    /// The same, without a word of the pooler.
    [[nodiscard]] std::string plain_conninfo(std::string_view database) const;
    [[nodiscard]] std::string log() const;
    /// Whether the one that runs keeps prepared statements apart in transaction mode, as it does from 1.21 on.
    [[nodiscard]] static bool knows_prepared_statements();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pooler_tests
