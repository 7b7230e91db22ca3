// Expected<T>: a value or the Error that came instead.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "pg/error.hpp"

namespace pg {

/// What a `try_` verb returns. Value: copyable or movable as `T` is. Holds exactly one of the two.
template <class T>
class [[nodiscard]] Expected {
public:
    using value_type = T;  ///< as in `std::expected`

    /// Implicit, so that a function returns either as it is. @{
    Expected(T&& value) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(true) {
        ::new (&value_) T(std::move(value));
    }
    Expected(const T& value) : has_value_(true) { ::new (&value_) T(value); }
    template <class U>
        requires(std::is_class_v<T> && !std::is_same_v<std::remove_cvref_t<U>, Expected> &&
                 !std::is_base_of_v<Error, std::remove_cvref_t<U>> && std::is_convertible_v<U, T>)
    Expected(U&& value) : has_value_(true) {
        ::new (&value_) T(std::forward<U>(value));
    }
    Expected(Error error) noexcept : has_value_(false) { ::new (&error_) Error(std::move(error)); }  /// @}
    Expected(const Expected& other) : has_value_(other.has_value_) { take(other); }
    Expected(Expected&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(other.has_value_) {
        take(std::move(other));
    }
    /// Where a move of `T` cannot throw: there is always one of the two.
    Expected& operator=(Expected other) noexcept
        requires std::is_nothrow_move_constructible_v<T>
    {
        this->~Expected();
        return *::new (this) Expected(std::move(other));
    }
    ~Expected() {
        if (has_value_)
            value_.~T();
        else
            error_.~Error();
    }

    [[nodiscard]] bool has_value() const noexcept { return has_value_; }          ///< no error
    [[nodiscard]] explicit operator bool() const noexcept { return has_value_; }  ///< no error

    /// The value. Throws the error, as the class of its kind, when there is none. @{
    [[nodiscard]] T& value() & { return check().value_; }
    [[nodiscard]] const T& value() const& { return check().value_; }  /// @}
    /// By value, so that `for (auto& x : f().value())` does not walk through a value that is gone.
    [[nodiscard]] T value() && { return std::move(check().value_); }
    /// The value, or what is given in its place. @{
    template <class U>
    [[nodiscard]] T value_or(U&& other) const& {
        return has_value_ ? value_ : static_cast<T>(std::forward<U>(other));
    }
    template <class U>
    [[nodiscard]] T value_or(U&& other) && {
        return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(other));
    }  /// @}

    /// The value, unchecked: undefined when there is none. @{
    [[nodiscard]] T& operator*() & noexcept { return value_; }
    [[nodiscard]] const T& operator*() const& noexcept { return value_; }
    [[nodiscard]] T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) { return std::move(value_); }
    [[nodiscard]] T* operator->() & noexcept { return &value_; }
    [[nodiscard]] const T* operator->() const& noexcept { return &value_; }  /// @}
    /// @cond
    const T* operator->() const&& = delete;  // of one that nobody can have checked, and that goes
    /// @endcond

    /// The error, unchecked: undefined when there is a value. @{
    [[nodiscard]] const Error& error() const& noexcept { return error_; }
    [[nodiscard]] Error&& error() && noexcept { return std::move(error_); }  /// @}

private:
    template <class Other>
    void take(Other&& other) {
        if (has_value_)
            ::new (&value_) T(std::forward<Other>(other).value_);
        else
            ::new (&error_) Error(std::forward<Other>(other).error_);
    }
    Expected& check() {
        if (!has_value_) error_.raise();
        return *this;
    }
    const Expected& check() const {
        if (!has_value_) error_.raise();
        return *this;
    }

    union {
        T value_;
        Error error_;
    };
    bool has_value_;
};

template <>
class [[nodiscard]] Expected<void> {
public:
    using value_type = void;

    Expected() noexcept = default;
    Expected(Error error) noexcept : error_(std::in_place, std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return !error_; }
    [[nodiscard]] explicit operator bool() const noexcept { return !error_; }
    /// Throws the error, as the class of its kind, when there is one.
    void value() const {
        if (error_) error_->raise();
    }
    [[nodiscard]] const Error& error() const& noexcept { return *error_; }
    [[nodiscard]] Error&& error() && noexcept { return *std::move(error_); }

private:
    std::optional<Error> error_;
};

}  // namespace pg
