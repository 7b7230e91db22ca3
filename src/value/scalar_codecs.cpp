// Text forms and the less usual wire types of the everyday codecs.
#include "pg/scalar_codecs.hpp"

#include "pg/catalog.hpp"
#include "pg/types/bytea.hpp"
#include "pg/types/unsigned.hpp"
#include "src/value/hexadecimal.hpp"
#include "src/value/number_text.hpp"
#include "src/value/numeric_digits.hpp"

namespace pg {
namespace detail {
namespace {

constexpr Oid numeric_oid{1700};
constexpr Oid text_oid{25};
constexpr Oid jsonb_oid{3802};
constexpr Oid jsonpath_oid{4072};
constexpr Fault out_of_range{"integer out of the target's range"};

Fault read_binary_integer(const Cell& cell, Oid type, std::int64_t& out) {
    if (type == Oid{21} && cell.length == 2) {
        out = load_big_endian<std::int16_t>(cell.data);
    } else if (type == Oid{23} && cell.length == 4) {
        out = load_big_endian<std::int32_t>(cell.data);
    } else if (type == Oid{20} && cell.length == 8) {
        out = load_big_endian<std::int64_t>(cell.data);
    } else {
        return {"integer of other than the 2, 4 or 8 bytes of its type"};
    }
    return {};
}

bool is_decimal(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

bool is_reg_type(Oid oid) {
    switch (static_cast<std::uint32_t>(oid)) {
        case 24:    // regproc
        case 2202:  // regprocedure
        case 2203:  // regoper
        case 2204:  // regoperator
        case 2205:  // regclass
        case 2206:  // regtype
        case 4096:  // regrole
        case 4089:  // regnamespace
        case 3734:  // regconfig
        case 3769:  // regdictionary
        case 4191:  // regcollation
            return true;
        default: return false;
    }
}

// What the catalogue knows a type of a user or of an extension as, behind any domains.
const TypeInfo* find_base(const WireType& type) {
    if (type.types == nullptr) return nullptr;
    const TypeInfo* info = type.types->find(type.oid);
    for (int depth = 0; info != nullptr && info->kind == TypeKind::domain && depth < 32; ++depth)
        info = type.types->find(info->element);
    return info;
}

// The ltree family sends a version before its text.
bool is_ltree_family(const TypeInfo& info) {
    return info.name == "ltree" || info.name == "lquery" || info.name == "ltxtquery";
}

bool is_built_in_text(Oid oid) {
    switch (static_cast<std::uint32_t>(oid)) {
        case 25:    // text
        case 1043:  // varchar
        case 1042:  // bpchar
        case 19:    // name
        case 705:   // unknown
        case 2275:  // cstring
        case 1790:  // refcursor
        case 114:   // json
        case 3802:  // jsonb
        case 4072:  // jsonpath
        case 142:   // xml
            return true;
        default: return false;
    }
}

bool is_whole_number(std::string_view text, std::string_view& integer) {
    const std::size_t point = text.find('.');
    integer = text.substr(0, point);
    return point == text.npos || text.find_first_not_of('0', point + 1) == text.npos;
}

}  // namespace

Fault decode_integer(const Cell& cell, const WireType& type, std::int64_t low, std::int64_t high, std::int64_t& out) {
    std::int64_t value = 0;
    if (type.format == Format::binary) {
        if (Fault fault = read_binary_integer(cell, type.oid, value)) return fault;
    } else if (!parse_integer(cell.bytes(), value)) {
        return is_decimal(cell.bytes()) ? out_of_range : Fault{"malformed integer"};
    }
    if (value < low || value > high) return out_of_range;
    out = value;
    return {};
}

Fault decode_unsigned(const Cell& cell, const WireType& type, std::uint64_t high, std::uint64_t& out) {
    std::uint64_t value = 0;
    if (type.format == Format::text) {
        std::string_view digits = cell.bytes();
        if (type.oid == numeric_oid && !is_whole_number(cell.bytes(), digits))
            return {"numeric with a fraction, or none at all, for an integer"};
        if (!parse_integer(digits, value)) return is_decimal(digits) ? out_of_range : Fault{"malformed integer"};
    } else if (type.oid == numeric_oid) {
        if (Fault fault = read_whole_numeric(cell.bytes(), value)) return fault;
    } else if (is_integer_type(type.oid)) {
        std::int64_t wide = 0;
        if (Fault fault = read_binary_integer(cell, type.oid, wide)) return fault;
        if (wide < 0) return out_of_range;
        value = static_cast<std::uint64_t>(wide);
    } else {
        if (cell.length != 4) return {"oid of other than 4 bytes"};
        value = load_big_endian<std::uint32_t>(cell.data);
    }
    if (value > high) return out_of_range;
    out = value;
    return {};
}

Fault decode_float(const Cell& cell, const WireType& type, double& out) {
    if (type.format == Format::text && type.oid == Oid{700}) {  // its digits are those that tell it from other floats
        float single = 0;
        if (!parse_float(cell.bytes(), single)) return {"malformed floating point number"};
        out = static_cast<double>(single);
        return {};
    }
    if (type.format == Format::text)
        return parse_float(cell.bytes(), out) ? Fault{} : Fault{"malformed floating point number"};
    if (cell.length == 8 && type.oid == Oid{701}) {
        out = std::bit_cast<double>(load_big_endian<std::uint64_t>(cell.data));
    } else if (cell.length == 4 && type.oid == Oid{700}) {
        out = static_cast<double>(std::bit_cast<float>(load_big_endian<std::uint32_t>(cell.data)));
    } else {
        return {"floating point number of other than the 4 or 8 bytes of its type"};
    }
    return {};
}

Fault decode_float(const Cell& cell, const WireType& type, float& out) {
    if (type.format == Format::text)
        return parse_float(cell.bytes(), out) ? Fault{} : Fault{"malformed floating point number"};
    if (cell.length != 4) return {"float4 of other than 4 bytes"};
    out = std::bit_cast<float>(load_big_endian<std::uint32_t>(cell.data));
    return {};
}

Fault decode_bool_text(const Cell& cell, bool& out) {
    if (cell.bytes() != "t" && cell.bytes() != "f") return {"malformed bool"};
    out = *cell.data == 't';
    return {};
}

bool accepts_text(const WireType& type) {
    if (type.format == Format::text || is_built_in_text(type.oid)) return true;
    const TypeInfo* info = find_base(type);
    if (info == nullptr) return false;
    return info->kind == TypeKind::enumeration || info->name == "citext" || is_ltree_family(*info) ||
           is_built_in_text(info->oid);
}

namespace {

/// The bytes of a text whose binary form may have a version before it.
Fault find_text(const Cell& cell, const WireType& type, std::string_view& out) {
    Oid oid = type.oid;
    bool has_version = false;
    if (TypeCatalog::is_user_defined(oid))
        if (const TypeInfo* info = find_base(type)) {
            oid = info->oid;
            has_version = is_ltree_family(*info);
        }
    has_version = has_version || oid == jsonb_oid || oid == jsonpath_oid;
    out = cell.bytes();
    if (!has_version) return {};
    if (!out.starts_with('\1')) return {"text of an unknown binary version: fetch it as text"};
    out.remove_prefix(1);
    return {};
}

bool is_its_bytes(const WireType& type) { return type.oid == text_oid || type.format == Format::text; }

}  // namespace

Fault decode_text(const Cell& cell, const WireType& type, std::string_view& out) {
    if (!is_its_bytes(type)) [[unlikely]]
        return find_text(cell, type, out);
    out = cell.bytes();
    return {};
}

Fault decode_text(const Cell& cell, const WireType& type, std::string& out) {
    std::string_view view = cell.bytes();
    if (!is_its_bytes(type)) [[unlikely]]
        if (Fault fault = find_text(cell, type, view)) return fault;
    out.assign(view);
    return {};
}

namespace {

Fault read_hex(std::string_view text, std::vector<std::byte>& out) {
    if (text.size() % 2 != 0) return {"bytea with half a byte"};
    out.resize(text.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i)
        if (!hex_byte(text.data() + 2 * i, out[i])) return {"bytea with a character that is no hexadecimal digit"};
    return {};
}

// bytea_output = escape: a backslash is doubled, bytes outside printable ASCII are \ooo.
Fault read_escaped(std::string_view text, std::vector<std::byte>& out) {
    constexpr Fault malformed{"malformed escape in a bytea"};
    const auto octal = [](char digit, char last) { return digit >= '0' && digit <= last; };
    out.clear();
    out.reserve(text.size());
    while (!text.empty()) {
        std::size_t taken = 1;
        int byte = static_cast<unsigned char>(text[0]);
        if (text[0] == '\\') {
            if (text.starts_with("\\\\")) {
                taken = 2;
            } else {
                if (text.size() < 4 || !octal(text[1], '3') || !octal(text[2], '7') || !octal(text[3], '7'))
                    return malformed;
                byte = (text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0');
                taken = 4;
            }
        }
        out.push_back(static_cast<std::byte>(byte));
        text.remove_prefix(taken);
    }
    return {};
}

}  // namespace

Fault decode_bytea_text(const Cell& cell, std::vector<std::byte>& out) {
    const std::string_view text = cell.bytes();
    return text.starts_with("\\x") ? read_hex(text.substr(2), out) : read_escaped(text, out);
}

void encode_integer_text(Writer& out, std::int64_t value) { write_integer(out, value); }
void encode_unsigned_text(Writer& out, std::uint64_t value) { write_integer(out, value); }
void encode_float_text(Writer& out, double value) { write_float(out, value); }
void encode_float_text(Writer& out, float value) { write_float(out, value); }

void encode_bytea_text(Writer& out, std::span<const std::byte> value) {
    out.put("\\x");
    write_hex(out, value);
}

void encode_numeric(Writer& out, std::uint64_t value) { write_whole_numeric(out, value); }

Fault check_text(std::string_view value) {
    if (value.find('\0') != value.npos) return {"text with a zero byte, which the server cannot store: use bytea"};
    return {};
}

Fault encode_checked_text(Writer& out, std::string_view value) {
    const Fault fault = check_text(value);
    if (!fault) out.put(value);
    return fault;
}

}  // namespace detail

bool Codec<Oid>::accepts(const WireType& wire) {
    return wire.oid == type.oid || (wire.format == Format::binary && detail::is_reg_type(wire.oid));
}

}  // namespace pg
