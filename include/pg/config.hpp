// Config: a connection string taken apart, checked, and completed from files and the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/fwd.hpp"
#include "pg/secret.hpp"

namespace pg {

/// One place to connect to.
struct Host {
    std::string host;      ///< a name, an address or the folder of a unix socket; empty: libpq's own default socket
    std::string hostaddr;  ///< the address to use instead of looking `host` up; empty: look it up
    std::uint16_t port = 5432;  ///< of the socket's name too

    friend bool operator==(const Host&, const Host&) = default;
};

/// A keyword and its value. Views of the Config that gave them.
struct Setting {
    std::string_view keyword;  ///< as libpq spells it
    std::string_view value;    ///< unescaped

    friend bool operator==(const Setting&, const Setting&) = default;
};

/// What a password file said.
struct PasswordAnswer {
    Secret password;      ///< empty: there is none
    std::string ignored;  ///< why the file was passed over, for the hint of a refused log-in; mostly empty
};

/// What a connection string says: libpq's keywords and ours. Value.
/// Knows the keywords of libpq up to 18. Values are kept as written: only ours are checked when they are set, as
/// libpq's parser checks none of its own; `validate()` checks all.
class PGCLIENT_API Config {
public:
    Config() = default;

    /// Takes a URI or `keyword=value` pairs in exactly libpq's grammar; an empty string sets nothing.
    /// Blanks in a URI are kept, as libpq did up to 17; 18 trims or refuses them.
    /// Errors are of kind usage, with the position in the string, and never show a password.
    [[nodiscard]] static Expected<Config> parse(std::string_view conninfo);

    /// The value, or nothing when the keyword is not set or not known. A view of this Config.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view keyword) const&;
    std::optional<std::string_view> get(std::string_view keyword) const&& = delete;
    /// Sets, or replaces, one value. Refuses an unknown keyword, and a value of ours that does not fit.
    Expected<void> set(std::string_view keyword, std::string_view value);

    /// Checks every value: enumerated words, numbers, and that hosts and ports agree in number.
    [[nodiscard]] Expected<void> validate() const;
    /// Refuses keywords that came with a later libpq. `version` is what `PQlibVersion()` says: 150018.
    [[nodiscard]] Expected<void> check_libpq(int version) const;
    /// With what this Config does not say filled in, in libpq's order: the service file, the environment, the defaults
    /// of user, dbname, port and passfile. Defaults that depend on how libpq was built (sslmode, gssencmode…) stay
    /// unset, and so libpq's. Reads files and the environment; `version` as for `check_libpq`, which it calls.
    [[nodiscard]] Expected<Config> resolved(int version) const;

    /// The places to try, in order; at least one.
    [[nodiscard]] Expected<std::vector<Host>> hosts() const;
    /// The password for one of them: `password` if set, else what `passfile` says. A file that others may read is
    /// ignored, as libpq does, and the answer says so. Wants a resolved Config. Reads the file.
    [[nodiscard]] PasswordAnswer password_for(const Host& host) const;

    // Ours. Nothing when not set: the defaults are those of the options they stand for.
    /// Which one serves it.
    [[nodiscard]] std::optional<std::string_view> provider() const& { return get("provider"); }
    [[nodiscard]] std::optional<std::string_view> engine() const& { return get("engine"); }  ///< auto, direct or libpq
    /// What stands before the server: none, session or transaction, as its pools are.
    [[nodiscard]] std::optional<std::string_view> pooler() const& { return get("pooler"); }
    [[nodiscard]] bool has_pooler() const { return pooler().value_or("none") != "none"; }  ///< of either kind
    /// Any of ours that is a whole number ("pool_max_size") or a duration ("timeout"). @{
    [[nodiscard]] std::optional<std::uint32_t> number(std::string_view keyword) const;
    [[nodiscard]] std::optional<std::chrono::nanoseconds> duration(std::string_view keyword) const;  /// @}

    /// What is meant for libpq, ours left out, in libpq's order; each value ends in NUL. Holds the password.
    /// PQconnectStartParams takes an empty value for an unset one: where that matters, use `conninfo()`.
    [[nodiscard]] std::vector<Setting> for_libpq() const&;
    std::vector<Setting> for_libpq() const&& = delete;
    /// The same as one string for PQconnectStart, which means to libpq exactly what this Config says.
    [[nodiscard]] Secret conninfo() const;
    /// All that is set, as `keyword=value` pairs, with passwords and keys masked: for logs.
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const Config&, const Config&) = default;

private:
    struct Entry {
        std::uint8_t keyword;  ///< its place in the table of keywords
        Secret value;

        friend bool operator==(const Entry&, const Entry&) = default;
    };

    void store(std::uint8_t keyword, std::string_view value);
    Expected<void> add_service(int version);
    void add_environment(int version);
    void add_defaults(int version);

    std::vector<Entry> entries_;  // by place in the table, each at most once
};

}  // namespace pg
