// The binary and text forms of composites and records, whatever their fields are.
#include "pg/types/composite.hpp"

#include "pg/catalog.hpp"
#include "src/value/types/literal.hpp"
#include "src/value/types/take_cell.hpp"

namespace pg::detail {
namespace {

constexpr Oid record_oid{2249};
constexpr Fault too_short{"composite that ends too early"};
constexpr Fault drifted{"composite whose attributes are not the fields of its target: altered, or unknown?"};

/// The server says something else of a type than the catalogue: all that follows from that is looked at again.
Fault altered(const WireType& type) {
    type.types->outdate();
    return {"composite that was altered since its type was learned, which the next statement does anew: repeat it"};
}

const TypeInfo* find_composite(const WireType& type) {
    const TypeInfo* info = find_type(type);
    return info != nullptr && info->kind == TypeKind::composite ? info : nullptr;
}

Fault read_binary(const Cell& cell, const WireType& type, std::span<const FieldReader> readers, void* const* fields) {
    Reader in(cell.bytes());
    const auto count = in.take<std::uint32_t>();
    if (in.failed()) return too_short;
    const TypeInfo* const info = find_composite(type);
    if (info != nullptr && count != info->fields.size()) return altered(type);
    if (count != readers.size()) return drifted;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        const Oid oid = in.take<Oid>();
        const WireType field = base_type({oid, Format::binary, type.types});
        const Cell value = take_cell(in);
        if (in.failed()) return too_short;
        if (info != nullptr && oid != info->fields[i].type) return altered(type);
        if (!readers[i].accepts(field)) return drifted;
        if (Fault fault = readers[i].read(fields[i], value, field)) return fault;
    }
    return in.finished() ? Fault{} : Fault{"composite with bytes behind its last field"};
}

Fault read_text(const Cell& cell, const WireType& type, std::span<const FieldReader> readers, void* const* fields) {
    const TypeInfo* info = find_composite(type);
    if (info != nullptr && info->fields.size() != readers.size()) return drifted;
    Scanner in(cell.bytes());
    if (!in.take('(')) return {"composite without an opening bracket"};
    std::string scratch;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        if (i > 0 && !in.take(',')) return in.at_end() ? too_short : info != nullptr ? altered(type) : drifted;
        Piece piece;
        if (Fault fault = read_piece(in, ",)", scratch, piece)) return fault;
        const bool is_null = piece.text.empty() && !piece.quoted;
        WireType field{readers[i].oid, Format::text, type.types};
        if (info != nullptr) {
            field.oid = info->fields[i].type;
            field = base_type(field);
        }
        if (Fault fault = readers[i].read(fields[i], is_null ? Cell{} : piece.cell(), field)) return fault;
    }
    if (!in.take(')')) return in.at_end() ? too_short : info != nullptr ? altered(type) : drifted;
    return in.at_end() ? Fault{} : Fault{"composite with text behind its closing bracket"};
}

// Types whose binary form is the bare text, as that of text is.
bool is_plain_text(const WireType& type) {
    switch (static_cast<std::uint32_t>(type.oid)) {
        case 19:    // name
        case 25:    // text
        case 114:   // json
        case 142:   // xml
        case 1042:  // bpchar
        case 1043:  // varchar
            return true;
        default: break;
    }
    const TypeInfo* info = find_type(type);
    return info != nullptr && (info->kind == TypeKind::enumeration || info->name == "citext");
}

// The composite that is to be written: that which the writer says, if it has the name, or else that which the name
// finds.
const TypeInfo* find_wanted(const Writer& out, std::string_view name) {
    const WireType wanted{out.type(), Format::binary, out.types()};
    const TypeInfo* const info = find_composite(wanted);
    if (info != nullptr && (name.empty() || is_named(wanted, name))) return info;
    return out.types() == nullptr || name.empty() ? nullptr : out.types()->find(name);
}

// The oid that the server expects before a field: that of the attribute, be it a domain. Zero when the field's binary
// form would not be the attribute's.
Oid attribute_oid(const TypeCatalog* types, Oid attribute, Oid field) {
    const WireType base = base_type({attribute, Format::binary, types});
    const bool fits = base.oid == field || (field == Oid{25} && is_plain_text(base)) ||
                      (field == record_oid && find_composite(base) != nullptr) || are_namesakes(types, base.oid, field);
    return fits ? attribute : Oid{};
}

}  // namespace

bool accepts_record(const WireType& type, std::span<const FieldReader> readers,
                    std::span<const std::string_view> names) {
    const Nesting nesting;
    if (Nesting::is_too_deep(2 * Nesting::limit)) return false;  // asked below values that are themselves deep
    if (base_type(type).oid == record_oid) return true;          // its fields are checked when it is read
    const TypeInfo* info = find_composite(type);
    if (info == nullptr || info->fields.size() != readers.size()) return false;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        if (!names.empty() && info->fields[i].name != names[i]) return false;
        if (!readers[i].accepts(base_type({info->fields[i].type, type.format, type.types}))) return false;
    }
    return true;
}

Fault read_record(const Cell& cell, const WireType& type, std::span<const FieldReader> readers, void* const* fields) {
    const Nesting nesting;
    if (Nesting::is_too_deep()) return {"values nested too deep"};
    return type.format == Format::binary ? read_binary(cell, type, readers, fields)
                                         : read_text(cell, type, readers, fields);
}

Fault write_record(Writer& out, std::string_view name, std::span<const FieldWriter> writers,
                   const void* const* fields) {
    const TypeInfo* const info = find_wanted(out, name);
    const Oid own = out.type();
    if (info != nullptr && info->fields.size() != writers.size()) return drifted;
    out.put(static_cast<std::int32_t>(writers.size()));
    for (std::size_t i = 0; i < writers.size(); ++i) {
        Oid oid = writers[i].oid(out.types());
        if (oid == Oid{})
            return {"field of a type that the database's catalogue was not asked for: its binary form needs the oid"};
        if (info != nullptr) oid = attribute_oid(out.types(), info->fields[i].type, oid);
        if (oid == Oid{}) return {"field whose binary form is not that of its attribute"};
        out.put(oid);
        out.set_type(oid);
        if (Fault fault = writers[i].write(out, fields[i])) return fault;
    }
    out.set_type(own);
    return {};
}

Fault write_record_text(Writer& out, std::span<const FieldWriter> writers, const void* const* fields) {
    out.put('(');
    for (std::size_t i = 0; i < writers.size(); ++i) {
        if (i > 0) out.put(',');
        if (writers[i].is_null(fields[i])) continue;
        const std::size_t mark = out.size();
        if (Fault fault = writers[i].write_text(out, fields[i])) return fault;
        quote_since(out, mark, Quoting::record);
    }
    out.put(')');
    return {};
}

}  // namespace pg::detail
