// Which failures a fault may bring about, and what they must say.
#include "bench/soak/findings.hpp"

namespace soak {
namespace {

/// Those that faults and short deadlines bring about; whatever else comes is a defect of the library or of the load.
bool is_expected(const pg::Error& error) {
    switch (error.kind()) {
        case pg::ErrorKind::connect:
        case pg::ErrorKind::connection_lost:
        case pg::ErrorKind::timeout:
        case pg::ErrorKind::pool_timeout:
        case pg::ErrorKind::cancelled:
        case pg::ErrorKind::conflict:
        case pg::ErrorKind::commit_unknown:
        case pg::ErrorKind::commit_rolled_back: return true;
        default: return false;
    }
}

/// Which server it was about.
bool says_where(const pg::Error& error) {
    return !error.node().empty() || error.message().find("127.0.0.1") != std::string_view::npos;
}

/// The server's own words about a transaction come with its code.
bool lacks_code(const pg::Error& error) { return error.kind() == pg::ErrorKind::conflict && error.sqlstate().empty(); }

}  // namespace

void Findings::failed(std::string_view what, const pg::Error& error) {
    if (error.kind() == pg::ErrorKind::connect) shut_out_until_ = (Clock::now() + rest).time_since_epoch().count();
    {
        const std::lock_guard lock(mutex_);
        ++kinds_[static_cast<int>(error.kind())];
    }
    if (!is_expected(error))
        broken(9, std::string(what) + " failed in a way that no fault explains: " + error.what());
    else if (error.message().empty())
        broken(9, std::string(what) + " failed without a word");
    else if (!says_where(error))
        broken(9, std::string(what) + " does not say where it failed: " + error.what());
    else if (lacks_code(error))
        broken(9, std::string(what) + " failed without a code of the server: " + error.what());
}

std::string Findings::failures() const {
    constexpr std::array<std::string_view, 27> names{"usage",
                                                     "shape",
                                                     "encode",
                                                     "decode",
                                                     "no_rows",
                                                     "too_many_rows",
                                                     "connect",
                                                     "lost",
                                                     "auth",
                                                     "tls",
                                                     "protocol",
                                                     "timeout",
                                                     "pool_timeout",
                                                     "cancelled",
                                                     "server",
                                                     "unique",
                                                     "foreign_key",
                                                     "check",
                                                     "not_null",
                                                     "exclusion",
                                                     "constraint",
                                                     "conflict",
                                                     "read_only",
                                                     "plan_invalidated",
                                                     "commit_unknown",
                                                     "commit_rolled_back",
                                                     "result_too_large"};
    const std::lock_guard lock(mutex_);
    std::string text;
    for (std::size_t kind = 0; kind < names.size(); ++kind)
        if (const auto found = kinds_.find(static_cast<int>(kind)); found != kinds_.end())
            text.append(text.empty() ? "" : ", ").append(names[kind]).append(" ").append(std::to_string(found->second));
    return text.empty() ? "none" : text;
}

}  // namespace soak
