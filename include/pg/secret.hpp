// Secret: a password or key in memory, which nothing prints and which is wiped when it goes.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg {

/// Bytes that must not reach a log, an error or a core dump by accident. Value.
/// Has no conversion and no way into a stream: `reveal()` is the one way to the bytes, easy to find in a review.
/// The bytes are overwritten before their memory is given back, in a way that no optimiser removes.
class PGCLIENT_API Secret {
public:
    Secret() noexcept = default;
    explicit Secret(std::string_view bytes);  ///< copies them
    Secret(const Secret& other) : Secret(other.reveal()) {}
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret other) noexcept;
    ~Secret();

    /// The bytes, followed by a NUL that is not counted. Lives as long as this Secret is not assigned to.
    [[nodiscard]] std::string_view reveal() const& noexcept {
        return bytes_ ? std::string_view{bytes_.get(), size_} : "";
    }
    std::string_view reveal() const&& = delete;
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Takes as long for secrets of one size whether or not they are equal.
    friend PGCLIENT_API bool operator==(const Secret& a, const Secret& b) noexcept;
    template <class Stream>
    friend Stream& operator<<(Stream&, const Secret&) = delete;

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

}  // namespace pg
