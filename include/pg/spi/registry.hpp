// Registry: providers by name, added or found as shared objects on a search path.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/spi/provider.hpp"

namespace pg::spi {

/// What `Registry::list` says of one provider. Value.
struct ProviderInfo {
    /// As the provider says them. @{
    std::string name, version;  /// @}
    Capabilities capabilities;  ///< of its sessions
};

/// Providers by name. An object like any other: `pg::connect` uses one that the library fills, a test may use its own.
/// Thread-safe.
class PGCLIENT_API Registry {
public:
    /// `search_path` holds folders, separated by colons, where `find` looks for `pgclient_<name>.so`.
    explicit Registry(std::string search_path = {});
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    /// UsageError when a provider of that name is there already, or the name is empty.
    [[nodiscard]] Expected<void> add(std::shared_ptr<Provider> provider);
    /// The provider of that name, loaded from the search path when it was not added. UsageError names what was looked
    /// at, what exists, and what is wrong with a shared object (its ABI version, a missing symbol, the loader's words).
    [[nodiscard]] Expected<std::shared_ptr<Provider>> find(std::string_view name);
    /// All that were added or loaded, by name.
    [[nodiscard]] std::vector<ProviderInfo> list() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pg::spi
