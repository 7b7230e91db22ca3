// WarmUp: the statements that a client has every session prepare before it is lent first. Internal to core and
// assembly.
#pragma once

#include <vector>

#include "src/core/context.hpp"
#include "src/spi/equipment.hpp"

namespace pg::detail {

/// Shares what it needs of a context, which it must not keep alive.
class PGCLIENT_API WarmUp final : public spi::Equipment {
public:
    explicit WarmUp(const Context& context);

    /// One more statement; `arguments`: nulls of the types of its arguments. UsageError when it is none that a session
    /// keeps prepared, or one too many.
    [[nodiscard]] Expected<void> add(std::string_view sql, std::shared_ptr<const Params> arguments);

private:
    struct Known {
        Statement statement;
        std::shared_ptr<const Params> arguments;
        std::vector<Oid> types;  // of those
    };

    Expected<void> do_equip(spi::SessionSlot& slot, const spi::Wait& wait) noexcept override;
    Expected<void> prepare(const Known& known, spi::SessionSlot& slot, const spi::Wait& wait) const;

    const std::shared_ptr<TypeCatalog> types_;
    const StatementLimits limits_;
    const std::shared_ptr<StatementTally> tally_;
    std::vector<Known> statements_;
    std::size_t bytes_ = 0;  // that a session keeps of them
};

}  // namespace pg::detail
