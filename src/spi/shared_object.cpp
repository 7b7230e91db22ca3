// Loading a provider by its two exported symbols.
#include "src/spi/shared_object.hpp"

#include <dlfcn.h>
#include <exception>

namespace pg::spi {
namespace {

Error cannot_load(const std::string& path, std::string_view why) {
    ErrorFields fields{.kind = ErrorKind::usage};
    fields.message.append("load provider from ").append(path).append(": ").append(why);
    return Error(std::move(fields));
}

std::string loader_words() {
    const char* words = ::dlerror();
    return words != nullptr ? words : "the loader does not say why";
}

std::string lacks(std::string_view symbol) {
    return "it has no symbol " + std::string(symbol) + ": export it with PGCLIENT_PROVIDER";
}

}  // namespace

Expected<std::shared_ptr<Provider>> load_provider(const std::string& path, std::string_view name) {
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) return cannot_load(path, loader_words());

    const auto abi = reinterpret_cast<PgclientProviderAbi>(::dlsym(library, "pgclient_provider_abi"));
    if (abi == nullptr) return cannot_load(path, lacks("pgclient_provider_abi"));
    if (const int version = abi(); version != abi_version)
        return cannot_load(path, "it was built for provider ABI " + std::to_string(version) + ", this library has " +
                                     std::to_string(abi_version) + ": build it anew");
    const auto make = reinterpret_cast<PgclientProviderMake>(::dlsym(library, "pgclient_provider_make"));
    if (make == nullptr) return cannot_load(path, lacks("pgclient_provider_make"));

    std::shared_ptr<Provider> provider;
    try {
        provider.reset(make());
    } catch (const std::exception& failure) {
        return cannot_load(path, failure.what());
    }
    if (!provider) return cannot_load(path, "it made no provider");
    if (provider->name() != name)
        return cannot_load(path, "its provider is called \"" + std::string(provider->name()) + "\"");
    return provider;
}

}  // namespace pg::spi
