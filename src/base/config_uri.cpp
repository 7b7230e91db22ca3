// The grammar of connection URIs, as libpq reads it.
#include <algorithm>
#include <optional>

#include "src/base/config_assignment.hpp"

namespace pg::config {
namespace {

constexpr std::string_view long_prefix = "postgresql://";
constexpr std::string_view short_prefix = "postgres://";

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

/// postgresql://[user[:password]@][host][:port][,…][/dbname][?keyword=value[&…]]
/// An empty part is the same as none. Parts are decoded after they were told apart.
class UriReader {
public:
    explicit UriReader(std::string_view text)
        : text_(text), at_(text.starts_with(long_prefix) ? long_prefix.size() : short_prefix.size()) {}

    Expected<std::vector<Assignment>> read() {
        for (const auto step :
             {&UriReader::read_user, &UriReader::read_hosts, &UriReader::read_dbname, &UriReader::read_parameters}) {
            if (auto done = (this->*step)(); !done) return std::move(done).error();
        }
        return std::move(found_);
    }

private:
    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] bool at(char c) const { return !at_end() && text_[at_] == c; }

    /// Up to one of `stops` or the end.
    std::string_view read_until(std::string_view stops) {
        const std::size_t start = at_;
        at_ = std::min(text_.find_first_of(stops, at_), text_.size());
        return text_.substr(start, at_ - start);
    }

    /// Credentials are there when an @ comes before the first slash.
    Expected<void> read_user() {
        const std::size_t stop = text_.find_first_of("@/", at_);
        if (stop == text_.npos || text_[stop] != '@') return {};
        const std::size_t user_at = at_;
        if (auto added = add("user", read_until(":@"), user_at); !added) return added;
        if (at(':')) {
            const std::size_t password_at = ++at_;
            if (auto added = add("password", read_until("@"), password_at); !added) return added;
        }
        ++at_;
        return {};
    }

    /// One list of hosts and one of ports, of the same length, joined by commas. A list of empty parts counts.
    Expected<void> read_hosts() {
        const std::size_t hosts_at = at_;
        std::string hosts;
        std::string ports;
        while (true) {
            if (auto added = read_host(hosts); !added) return added;
            if (auto added = read_port(ports); !added) return added;
            if (!at(',')) break;
            ++at_;
            hosts += ',';
            ports += ',';
        }
        if (!hosts.empty()) found_.push_back(assignment("host", hosts, hosts_at));
        if (!ports.empty()) found_.push_back(assignment("port", ports, hosts_at));
        return {};
    }

    Expected<void> read_host(std::string& hosts) {
        const std::size_t host_at = at('[') ? at_ + 1 : at_;
        auto host = at('[') ? read_bracketed_host() : Expected<std::string_view>(read_until(":/?,"));
        if (!host) return std::move(host).error();
        auto decoded = decode(*host, host_at);
        if (!decoded) return std::move(decoded).error();
        hosts += *decoded;
        return {};
    }

    Expected<void> read_port(std::string& ports) {
        if (!at(':')) return {};
        const std::size_t port_at = ++at_;
        auto decoded = decode(read_until("/?,"), port_at);
        if (!decoded) return std::move(decoded).error();
        ports += *decoded;
        return {};
    }

    Expected<std::string_view> read_bracketed_host() {
        const std::size_t bracket = at_++;
        const std::string_view host = read_until("]");
        if (at_end()) return conninfo_error(text_, bracket, "no `]` ends the IPv6 address", "write [::1]");
        if (host.empty()) return conninfo_error(text_, bracket, "empty IPv6 address", "write [::1]");
        ++at_;
        if (!at_end() && std::string_view(":/?,").find(text_[at_]) == std::string_view::npos) {
            return conninfo_error(text_, at_, "unexpected character after the IPv6 address",
                                  "only `:`, `/`, `?` or `,` may follow it");
        }
        return host;
    }

    Expected<void> read_dbname() {
        if (!at('/')) return {};
        const std::size_t dbname_at = ++at_;
        return add("dbname", read_until("?"), dbname_at);
    }

    Expected<void> read_parameters() {
        if (at_end()) return {};
        ++at_;
        // An @ this far back is the sign of credentials with an unencoded slash: what looks like a keyword may then be
        // a piece of the password.
        const bool may_show = text_.find('@', at_) == text_.npos;
        while (!at_end()) {
            if (auto read = read_parameter(may_show); !read) return read;
        }
        return {};
    }

    Expected<void> read_parameter(bool may_show) {
        const std::size_t keyword_at = at_;
        const std::string_view parameter = read_until("&");
        if (at('&')) ++at_;

        const std::size_t sign = parameter.find('=');
        if (sign == parameter.npos) {
            return conninfo_error(text_, keyword_at, "missing `=` after the parameter" + shown(parameter, may_show),
                                  "parameters are keyword=value, separated by `&`");
        }
        const std::size_t value_at = keyword_at + sign + 1;
        const std::size_t second = parameter.find('=', sign + 1);
        if (second != parameter.npos) {
            return conninfo_error(text_, keyword_at + second, "a second `=` in one parameter",
                                  "write `%3D` for an equals sign in a value");
        }
        auto keyword = decode(parameter.substr(0, sign), keyword_at);
        if (!keyword) return std::move(keyword).error();
        auto value = decode(parameter.substr(sign + 1), value_at);
        if (!value) return std::move(value).error();
        // JDBC's way to ask for encryption.
        if (*keyword == "ssl" && *value == "true") {
            *keyword = "sslmode";
            *value = "require";
        }
        found_.push_back({.keyword = *std::move(keyword),
                          .value = Secret(*value),
                          .keyword_at = keyword_at,
                          .value_at = value_at,
                          .may_show_keyword = may_show});
        return {};
    }

    Expected<void> add(std::string_view keyword, std::string_view encoded, std::size_t offset) {
        if (encoded.empty()) return {};
        auto value = decode(encoded, offset);
        if (!value) return std::move(value).error();
        found_.push_back(assignment(keyword, *value, offset));
        return {};
    }

    static Assignment assignment(std::string_view keyword, std::string_view value, std::size_t offset) {
        return {.keyword = std::string(keyword), .value = Secret(value), .keyword_at = offset, .value_at = offset};
    }

    Expected<std::string> decode(std::string_view encoded, std::size_t offset) const {
        std::string decoded;
        for (std::size_t i = 0; i < encoded.size(); ++i) {
            if (encoded[i] != '%') {
                decoded += encoded[i];
                continue;
            }
            const auto high = i + 1 < encoded.size() ? hex_digit(encoded[i + 1]) : std::nullopt;
            const auto low = i + 2 < encoded.size() ? hex_digit(encoded[i + 2]) : std::nullopt;
            if (!high || !low) {
                return conninfo_error(text_, offset + i, "`%` without two hexadecimal digits",
                                      "write `%25` for a percent sign");
            }
            if (*high == 0 && *low == 0) return conninfo_error(text_, offset + i, "forbidden `%00`");
            decoded += static_cast<char>(*high * 16 + *low);
            i += 2;
        }
        return decoded;
    }

    std::string_view text_;
    std::size_t at_;
    std::vector<Assignment> found_;
};

}  // namespace

bool is_uri(std::string_view conninfo) {
    return conninfo.starts_with(long_prefix) || conninfo.starts_with(short_prefix);
}

Expected<std::vector<Assignment>> split_uri(std::string_view conninfo) { return UriReader(conninfo).read(); }

}  // namespace pg::config
