// PoolStatement: a statement that a pool has each of its sessions prepare before it is lent first.
#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "pg/params.hpp"
#include "pg/sql.hpp"

namespace pg {

/// What `PoolOptions::prepare` points to some of; made by `to_prepare`. Value.
struct PoolStatement {
    std::string sql;  ///< its text
    /// As many as its arguments are, all null; of their types. Never null itself.
    std::shared_ptr<const Params> arguments;
};

namespace detail {

template <class Signature>
struct signature_of;
template <class R, class... Args>
struct signature_of<R(Args...)> {
    static constexpr std::size_t arguments = sizeof...(Args);
    static std::shared_ptr<const Params> nulls() {
        auto params = std::make_shared<Params>();
        (static_cast<void>(params->add(null_of<std::remove_cvref_t<Args>>())),
         ...);  // nothing that a codec could refuse
        return params;
    }

private:
    template <class T>
    static auto null_of() {
        if constexpr (is_optional<T>)
            return T();
        else
            return std::optional<T>();
    }
};

}  // namespace detail

/// The statement that a call of `Client::prepare` with the same signature and text runs, or any verb with that text and
/// arguments of those types: `to_prepare<User(std::int64_t)>("select … where id = $1")`.
template <class Signature>
[[nodiscard]] PoolStatement to_prepare(Sql<detail::signature_of<Signature>::arguments> sql) {
    return {std::string(sql.text()), detail::signature_of<Signature>::nulls()};
}

}  // namespace pg
