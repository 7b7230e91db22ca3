// Target: what a configuration asks to connect to, in the words of libpq.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pg/config.hpp"
#include "pg/deadline.hpp"

namespace pg::libpq {

/// A resolved configuration, taken apart for connecting. Holds passwords.
class Target {
public:
    /// Errors: usage, when the configuration asks for something that cannot be.
    [[nodiscard]] static Expected<Target> from(const Config& config);

    /// In the order in which they are to be tried, shuffled where that is asked for.
    [[nodiscard]] const std::vector<Host>& hosts() const { return hosts_; }
    /// Shuffles the addresses of a host where that is asked for.
    void balance(std::vector<std::string>& addresses) const;
    /// The session attributes to ask for, one pass over the hosts after the other.
    [[nodiscard]] const std::vector<std::string>& passes() const { return passes_; }
    /// What one attempt may take; `no_timeout` when there is no limit of its own.
    [[nodiscard]] std::chrono::nanoseconds attempt_timeout() const { return attempt_timeout_; }
    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] bool has_pooler() const { return config_.has_pooler(); }
    /// How many iterations of SCRAM a server may ask for.
    [[nodiscard]] std::uint32_t most_scram_iterations() const { return most_scram_iterations_; }

    /// One attempt, in the words of libpq. `address` is numeric, or empty for a unix socket.
    struct Words {
        Secret conninfo;
        std::string password_problem;  ///< why the password file was passed over; mostly empty
    };
    [[nodiscard]] Words words(const Host& host, std::string_view address, std::string_view attributes) const;

private:
    Config config_;
    std::vector<Host> hosts_;
    bool balances_ = false;
    std::vector<std::string> passes_;
    std::chrono::nanoseconds attempt_timeout_ = no_timeout;
    std::string user_;
    std::uint32_t most_scram_iterations_ = 0;
};

/// "host:port", or the socket's folder and port.
[[nodiscard]] std::string node_name(const Host& host);

}  // namespace pg::libpq
