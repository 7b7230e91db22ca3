// Handing requests to libpq.
#include "providers/libpq/engine.hpp"

#include <memory>
#include <string>
#include <vector>

#include "providers/libpq/direct_tls.hpp"
#include "providers/libpq/newer.hpp"

namespace pg::libpq {
namespace {

/// The session of OpenSSL; null when there is none, or nothing that it could be asked by.
void* tls_of(PGconn* connection) noexcept {
    const bool can_be_asked = PQsslInUse(connection) != 0 && direct::tls_functions().pending != nullptr;
    return can_be_asked ? PQsslStruct(connection, "OpenSSL") : nullptr;
}

/// The arguments of a statement as libpq takes them: four arrays, on the stack when they are few, and texts that end in
/// a zero byte, which are copies.
class ArgumentArrays {
public:
    explicit ArgumentArrays(const Params* params) : count_(params != nullptr ? params->size() : 0) {
        if (count_ > few) make_room();
        for (std::size_t i = 0; i < count_; ++i) {
            const Params::Slot& slot = (*params)[i];
            values_[i] = params->data(slot);
            types_[i] = static_cast<::Oid>(slot.type);
            lengths_[i] = slot.length;
            formats_[i] = static_cast<int>(slot.format);
            if (slot.length < 0) continue;
            const auto length = static_cast<std::size_t>(slot.length);
            bytes_ += length;
            if (slot.format == Format::text) texts_.append(values_[i], length).push_back('\0');
        }
        const char* text = texts_.data();
        for (std::size_t i = 0; !texts_.empty() && i < count_; ++i) {
            if (formats_[i] != 0 || lengths_[i] < 0) continue;
            values_[i] = text;
            text += lengths_[i] + 1;
        }
    }
    ArgumentArrays(const ArgumentArrays&) = delete;
    ArgumentArrays& operator=(const ArgumentArrays&) = delete;

    [[nodiscard]] int count() const { return static_cast<int>(count_); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] const char* const* values() const { return values_; }
    [[nodiscard]] const ::Oid* types() const { return types_; }
    [[nodiscard]] const int* lengths() const { return lengths_; }
    [[nodiscard]] const int* formats() const { return formats_; }

private:
    struct Many {
        std::vector<const char*> values;
        std::vector<::Oid> types;
        std::vector<int> lengths, formats;
    };
    static constexpr std::size_t few = 16;

    void make_room() {
        many_ = std::make_unique<Many>();
        many_->values.resize(count_);
        many_->types.resize(count_);
        many_->lengths.resize(count_);
        many_->formats.resize(count_);
        values_ = many_->values.data();
        types_ = many_->types.data();
        lengths_ = many_->lengths.data();
        formats_ = many_->formats.data();
    }

    std::size_t count_;
    std::size_t bytes_ = 0;
    std::string texts_;
    const char* few_values_[few];
    ::Oid few_types_[few];
    int few_lengths_[few], few_formats_[few];
    std::unique_ptr<Many> many_;
    const char** values_ = few_values_;
    ::Oid* types_ = few_types_;
    int* lengths_ = few_lengths_;
    int* formats_ = few_formats_;
};

}  // namespace

Engine::Engine(ConnectionHandle connection) noexcept
    : connection_(std::move(connection)), under_tls_(tls_of(connection_.get()) != nullptr) {
    PQsetnonblocking(connection_.get(), 1);
}

bool Engine::receive_rest() noexcept {
    for (void* tls = nullptr; (tls = tls_of(connection_.get())) != nullptr;) {  // gone with the connection
        if (direct::tls_functions().pending(tls) <= 0) return true;
        if (PQconsumeInput(connection_.get()) == 0) return false;
    }
    return true;
}

bool Engine::send(const spi::Request& request, Format format) {
    sent_script_ = false;
    const ArgumentArrays arguments(request.params);
    const int result_format = static_cast<int>(format);
    held_bytes_ = held_bytes() + arguments.bytes();
    if (!request.statement.empty()) {
        name_ = request.statement;
        held_bytes_ += name_.size();
        if (request.prepare != nullptr) {
            text_ = request.sql;
            held_bytes_ += text_.size();
            if (!sent(PQsendPrepare(connection_.get(), name_.c_str(), text_.c_str(), arguments.count(),
                                    arguments.types())))
                return false;
        }
        return sent(PQsendQueryPrepared(connection_.get(), name_.c_str(), arguments.count(), arguments.values(),
                                        arguments.lengths(), arguments.formats(), result_format));
    }
    text_ = request.sql;
    held_bytes_ += text_.size();
    return sent(PQsendQueryParams(connection_.get(), text_.c_str(), arguments.count(), arguments.types(),
                                  arguments.values(), arguments.lengths(), arguments.formats(), result_format));
}

bool Engine::send_sync() noexcept {
    const auto send_without_flush = newer_functions().send_pipeline_sync;
    const bool accepted =
        sent(send_without_flush ? send_without_flush(connection_.get()) : PQpipelineSync(connection_.get()));
    if (accepted) ++syncs_;
    return accepted;
}

bool Engine::send_script(std::string_view text) {
    text_ = text;
    sent_script_ = true;
    return sent(PQsendQuery(connection_.get(), text_.c_str()));
}

bool Engine::send_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types) {
    name_ = name;
    text_ = sql;
    std::vector<::Oid> oids;
    oids.reserve(types.size());
    for (Oid type : types) oids.push_back(static_cast<::Oid>(type));
    return sent(
        PQsendPrepare(connection_.get(), name_.c_str(), text_.c_str(), static_cast<int>(oids.size()), oids.data()));
}

bool Engine::send_describe(std::string_view name) {
    name_ = name;
    return sent(PQsendDescribePrepared(connection_.get(), name_.c_str()));
}

}  // namespace pg::libpq
