// Registry: providers that were added, and those loaded from shared objects when their name is asked for.
#include "pg/spi/registry.hpp"

#include <map>
#include <mutex>
#include <unistd.h>
#include <utility>

#include "src/base/nearest.hpp"
#include "src/spi/shared_object.hpp"

namespace pg::spi {
namespace {

Error usage(std::string message) { return Error({.kind = ErrorKind::usage, .message = std::move(message)}); }

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> folders;
    while (!path.empty()) {
        const std::size_t end = path.find(':');
        if (end != 0) folders.emplace_back(path.substr(0, end));
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    }
    return folders;
}

/// A name that is part of a file's name, and nothing else of its path.
bool fits_file_name(std::string_view name) {
    return !name.empty() && name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace

struct Registry::Impl {
    using Providers = std::map<std::string, std::shared_ptr<Provider>, std::less<>>;

    std::vector<std::string> folders;
    mutable std::mutex mutex;  ///< guards what follows; held while a file is loaded, so that none is loaded twice
    Providers providers;

    [[nodiscard]] Error unknown(std::string_view name) const {
        std::string message = "there is no provider " + quoted(name);
        std::vector<std::string_view> names;
        names.reserve(providers.size());
        for (const auto& [known, provider] : providers) names.emplace_back(known);
        if (const std::string_view near = nearest(name, names); !near.empty())
            message += "; did you mean " + quoted(near) + "?";
        message += names.empty() ? "; none was added" : "; there are: ";
        for (const std::string_view known : names) message.append(known == names.front() ? "" : ", ").append(known);
        if (folders.empty()) return usage(message + "; the search path for others is empty");
        message += "; there is no pgclient_" + std::string(name) + ".so in ";
        for (const std::string& folder : folders) message.append(&folder == folders.data() ? "" : ", ").append(folder);
        return usage(std::move(message));
    }
};

Registry::Registry(std::string search_path) : impl_(std::make_unique<Impl>()) {
    impl_->folders = split_path(search_path);
}

Registry::~Registry() = default;

Expected<void> Registry::add(std::shared_ptr<Provider> provider) {
    const std::string name(provider->name());
    if (name.empty()) return usage("a provider needs a name");
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->providers.try_emplace(name, std::move(provider)).second)
        return usage("there is a provider " + quoted(name) + " already");
    return {};
}

Expected<std::shared_ptr<Provider>> Registry::find(std::string_view name) {
    const std::lock_guard lock(impl_->mutex);
    if (const auto known = impl_->providers.find(name); known != impl_->providers.end()) return known->second;
    if (!fits_file_name(name)) return impl_->unknown(name);
    for (const std::string& folder : impl_->folders) {
        const std::string path = folder + "/pgclient_" + std::string(name) + ".so";
        if (::access(path.c_str(), F_OK) != 0) continue;
        Expected<std::shared_ptr<Provider>> loaded = load_provider(path, name);
        if (loaded) impl_->providers.try_emplace(std::string(name), *loaded);
        return loaded;
    }
    return impl_->unknown(name);
}

std::vector<ProviderInfo> Registry::list() const {
    const std::lock_guard lock(impl_->mutex);
    std::vector<ProviderInfo> infos;
    infos.reserve(impl_->providers.size());
    for (const auto& [name, provider] : impl_->providers)
        infos.push_back({name, std::string(provider->version()), provider->capabilities()});
    return infos;
}

}  // namespace pg::spi
