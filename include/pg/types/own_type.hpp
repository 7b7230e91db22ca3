// What the codecs of types with a C++ type of their own have in common.
#pragma once

#include "pg/codec.hpp"

namespace pg::detail {

/// Read from their own PostgreSQL type alone, sent in binary with it.
template <class T>
struct OwnType {
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return wire.oid == Codec<T>::type.oid; }
};

}  // namespace pg::detail
