// Opening sessions, and what this provider says of itself.
#include "providers/libpq/provider.hpp"

#include <libpq-fe.h>

#include "providers/libpq/connect.hpp"
#include "providers/libpq/direct_take_over.hpp"
#include "providers/libpq/error.hpp"
#include "providers/libpq/pooled_session.hpp"
#include "providers/libpq/session.hpp"
#include "providers/libpq/text_forms.hpp"

namespace pg::libpq {
namespace {

/// 15.18 for 150018.
std::string version_text(int version) {
    return std::to_string(version / 10000) + "." + std::to_string(version % 10000);
}

class LibpqProvider final : public spi::Provider {
    Expected<std::unique_ptr<spi::Session>> do_open(const Config& config, const spi::SessionContext& context,
                                                    const spi::Wait& wait) noexcept override {
        const Expected<Config> resolved = config.resolved(PQlibVersion());
        if (!resolved) return resolved.error();
        const std::string_view engine = resolved->engine().value_or("auto");
        const bool has_pooler = resolved->has_pooler();
        std::unique_ptr<CancelWatch> watch;
        auto session = connect(
            *resolved, process_resolver(),
            [&](Connected connected, const spi::Wait& left) {
                if (has_pooler) watch = CancelWatch::over(connected.connection.get());
                return make_session(engine, std::move(connected), context, left);
            },
            wait);
        if (!session) return session;
        if (auto foreign = foreign_form(**session, has_pooler)) return *std::move(foreign);
        return has_pooler ? make_pooled(*std::move(session), std::move(watch)) : std::move(session);
    }
    static Expected<std::unique_ptr<spi::Session>> make_session(std::string_view engine, Connected connected,
                                                                const spi::SessionContext& context,
                                                                const spi::Wait& wait) {
        if (engine != engine_name) {
            const char* obstacle = direct::obstacle(connected.connection.get());
            if (obstacle == nullptr) return direct::take_over(std::move(connected), context, wait);
            if (engine == direct_engine_name) return no_direct_engine(obstacle, connected.node);
            direct::count_fallback();
        }
        return std::unique_ptr<spi::Session>(
            std::make_unique<LibpqSession>(std::move(connected.connection), std::move(connected.node), context));
    }
    static Error no_direct_engine(const char* obstacle, std::string_view node) {
        ErrorFields fields{.kind = ErrorKind::usage, .outcome = Outcome::not_sent, .connection_usable = false};
        fields.message = std::string("engine=direct cannot serve this connection: ") + obstacle + "; use engine=auto";
        return plain_error(std::move(fields), {.node = node, .sql = {}, .engine = direct_engine_name});
    }
    std::string_view do_name() const noexcept override { return engine_name; }
    std::string_view do_version() const noexcept override { return version_; }
    spi::Capabilities do_capabilities() const noexcept override {
        return {.copy = true, .notifications = true, .streaming = true, .awaitable = false};
    }

    /// Of the libpq that is loaded.
    std::string version_ = version_text(PQlibVersion());
};

}  // namespace

std::shared_ptr<spi::Provider> make_libpq_provider() { return std::make_shared<LibpqProvider>(); }

}  // namespace pg::libpq
