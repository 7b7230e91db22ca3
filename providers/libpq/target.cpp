// From a configuration to attempts: which hosts in which order, with which keywords.
#include "providers/libpq/target.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "src/base/config_keywords.hpp"

namespace pg::libpq {
namespace {

/// Sent whatever the configuration says, but not to a pooler, which refuses it: text is read and written in these
/// forms.
constexpr std::string_view session_options = "-c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1";

/// Used where the configuration says nothing. The last three find a dead peer in 25 seconds. There is no
/// tcp_user_timeout: it would also end a connection whose server takes nothing while it is busy.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> defaults{{
    {"fallback_application_name", "pgclient"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
}};

/// What servers ask for by default is 4,096; hashing 100,000 times takes some tenths of a second.
constexpr std::uint32_t default_scram_max_iterations = 100'000;

/// A number that was validated, or the default.
std::uint32_t parse_iterations(std::string_view text) {
    return static_cast<std::uint32_t>(config::read_integer(text).value_or(default_scram_max_iterations));
}

/// libpq's rules for connect_timeout: whole seconds, zero and less are no limit.
std::chrono::nanoseconds parse_timeout(std::string_view seconds) {
    const std::int64_t value = config::read_integer(seconds).value_or(0);
    return value <= 0 ? no_timeout
                      : std::chrono::nanoseconds(std::chrono::seconds(std::min<std::int64_t>(value, 1 << 30)));
}

std::vector<std::string> passes_for(std::string_view attributes) {
    if (attributes == "prefer-standby") return {"standby", "any"};
    return {std::string(attributes.empty() ? "any" : attributes)};
}

template <class T>
void shuffle(std::vector<T>& all) {
    std::random_device seed;
    std::shuffle(all.begin(), all.end(), std::minstd_rand(seed()));
}

}  // namespace

Expected<Target> Target::from(const Config& config) {
    if (Expected<void> valid = config.validate(); !valid) return std::move(valid).error();
    Expected<std::vector<Host>> hosts = config.hosts();
    if (!hosts) return std::move(hosts).error();
    Target target;
    target.config_ = config;
    target.hosts_ = *std::move(hosts);
    target.passes_ = passes_for(config.get("target_session_attrs").value_or(""));
    target.attempt_timeout_ = parse_timeout(config.get("connect_timeout").value_or(""));
    target.user_ = config.get("user").value_or("");
    target.most_scram_iterations_ = parse_iterations(config.get("scram_max_iterations").value_or(""));
    target.balances_ = config.get("load_balance_hosts") == "random";
    if (target.balances_) shuffle(target.hosts_);
    return target;
}

Target::Words Target::words(const Host& host, std::string_view address, std::string_view attributes) const {
    // As one string, libpq keeps what is empty in it; by PQconnectStartParams it looks into the environment instead. It
    // reads the service again, and PGSERVICE if none is named, but all that this says is there already.
    Config attempt = config_;
    // What is empty, and was not said, is found nowhere else either; left out, it takes no memory of the connection.
    const auto say = [&](std::string_view keyword, std::string_view value) {
        const bool is_said = !value.empty() || config_.get(keyword);
        // Fails for our own keywords alone, and for a NUL, which no configuration holds.
        if (is_said) static_cast<void>(attempt.set(keyword, value));
    };
    for (const auto& [keyword, value] : defaults)
        if (!config_.get(keyword)) say(keyword, value);
    PasswordAnswer answer = config_.password_for(host);
    if (!answer.password.empty()) say("password", answer.password.reveal());
    // Without one OpenSSL asks on the terminal for that of an encrypted key, for as long as it takes.
    if (config_.get("sslpassword").value_or("").empty()) say("sslpassword", "-");
    // A file that is passed over would make libpq print a warning: there is no file of this name.
    if (!answer.ignored.empty()) say("passfile", "/dev/null/none");

    std::string options(config_.get("options").value_or(""));
    if (!config_.has_pooler()) options.append(options.empty() ? "" : " ").append(session_options);
    say("options", options);
    say("client_encoding", "UTF8");
    say("target_session_attrs", attributes);
    say("host", host.host);
    say("hostaddr", address);
    say("port", std::to_string(host.port));
    return {.conninfo = attempt.conninfo(), .password_problem = std::move(answer.ignored)};
}

void Target::balance(std::vector<std::string>& addresses) const {
    if (balances_) shuffle(addresses);
}

std::string node_name(const Host& host) {
    const std::string& name = !host.host.empty() ? host.host : host.hostaddr;
    const bool is_ipv6 = name.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + name + "]" : name) + ":" + std::to_string(host.port);
}

}  // namespace pg::libpq
