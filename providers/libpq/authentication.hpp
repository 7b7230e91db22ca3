// What a server asks of a client that it authenticates, looked at before libpq does it.
#pragma once

#include <cstdint>
#include <libpq-fe.h>
#include <string>
#include <string_view>

namespace pg::libpq {

/// A server says how often a client hashes its password, up to two thousand million times. libpq does it at once, which
/// takes many minutes without a look at the clock, so that who lets it begin has no deadline any more.
enum class Demand : std::uint8_t {
    fair,        ///< nothing stands against it, or libpq sees for itself what is wrong
    unfinished,  ///< a message of authentication has not arrived whole
    excessive,   ///< more iterations of SCRAM than may be asked for, or too much in one record to see how many
};

/// Judges what a server has sent and nobody has read yet. The number of iterations is that of RFC 5802, section 5.1.
[[nodiscard]] Demand judge_demand(std::string_view bytes, std::uint32_t most_iterations) noexcept;

/// Whether these are the beginning of a report in the form of protocol 2, an `E` and a text: that of a server that has
/// no process to speak protocol 3 with.
[[nodiscard]] bool is_plain_report(std::string_view bytes) noexcept;

/// What comes next of a server.
struct Ahead {
    Demand demand;
    const char* alert;  ///< why it has ended TLS, of which libpq would hear no more than the end; null: it has not
    bool plain_report;  ///< see above
    bool is_to_come;    ///< a part of a record of TLS has arrived: there is nothing for libpq yet
};

/// Looks at what waits in a connection's socket or in its TLS session, where it stays. One for each attempt to connect.
class LookAhead {
public:
    explicit LookAhead(std::uint32_t most_iterations) : most_iterations_(most_iterations) {}
    /// Before libpq takes what has arrived. A message in several records of TLS is `fair` until its last.
    [[nodiscard]] Ahead look(PGconn* connection);

private:
    std::uint32_t most_iterations_;
    std::string taken_;  // by libpq: the beginning of a message whose rest is to come in other records
};

}  // namespace pg::libpq
