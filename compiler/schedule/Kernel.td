// The encdec_kernel dialect: what a target makes of the textbook's ops. A call says
// everything that others must know of a kernel; no one looks into its body.
#ifndef ENCDEC_COMPILER_SCHEDULE_KERNEL_TD
#define ENCDEC_COMPILER_SCHEDULE_KERNEL_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"

def Kernel_Dialect : Dialect {
  let name = "encdec_kernel";
  let cppNamespace = "::encdec::kernel";
  let summary = "Kernel calls and barriers, on values";
  let description = [{
    An entry function in scheduled form is a list of calls, run by all workers, each
    doing its share of every call, and of barriers between them. See
    compiler/schedule/README.md.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Kernel_Attr<string cppName, string attrMnemonic> : AttrDef<Kernel_Dialect, cppName> {
  let mnemonic = attrMnemonic;
}

// A name in quotes. Where an attribute is expected, a colon behind it would be taken for
// that of a type.
def Kernel_Name : OptionalParameter<"::mlir::StringAttr"> {
  let parser = "parseName($_parser)";
}

//===-- Who touches what ---------------------------------------------------===//

// The unit of work u of a split, and the elements of a value that belong to it:
//   rows          u is a row
//   panels        u is a panel of columns of all rows
//   row_panels    u is (row, panel), rows outermost
//   row_heads     u is (head, row), heads outermost; each worker has whole heads in a call
//                 whose rows share slots (shared_slots of encdec/abi.h)
//   source_heads  u is (source, head, row of the source), in this order
//   data          units are counted while the call runs; nothing belongs to one
// Parts of a value that are no units of a split:
//   all           any element
//   source        all rows of the sources whose rows the share holds
//   own           the worker's own copy, of a value in scratch
//   one           any element, but by one worker, the same in every call
def Kernel_Part : I32EnumAttr<"Part", "which elements of a value a worker touches", [
    I32EnumAttrCase<"rows", 0>, I32EnumAttrCase<"panels", 1>,
    I32EnumAttrCase<"row_panels", 2>, I32EnumAttrCase<"row_heads", 3>,
    I32EnumAttrCase<"source_heads", 4>, I32EnumAttrCase<"data", 5>,
    I32EnumAttrCase<"all", 6>, I32EnumAttrCase<"source", 7>,
    I32EnumAttrCase<"own", 8>, I32EnumAttrCase<"one", 9>]> {
  let cppNamespace = "::encdec::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_Mode : I32EnumAttr<"Mode", "what a kernel does with a value", [
    I32EnumAttrCase<"read", 0>, I32EnumAttrCase<"write", 1>,
    I32EnumAttrCase<"update", 2>, I32EnumAttrCase<"input", 3>]> {
  let cppNamespace = "::encdec::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_AccessAttr : Kernel_Attr<"Access", "access"> {
  let summary = "read, write or update of a part of a value";
  let description = [{
    `read all`; of the panels of several values that are split as one, those from number
    `from` on: `write panels from 32`. `input "positions"` reads the entry's argument of
    that name (encdec.arg): the kernel takes it from the call's context and from nowhere
    else.
  }];
  let parameters = (ins DefaultValuedParameter<"Mode", "Mode::input">:$mode,
                        DefaultValuedParameter<"Part", "Part::all">:$part,
                        DefaultValuedParameter<"int64_t", "0">:$from, Kernel_Name:$input);
  let assemblyFormat = "(`input` $input^) : ($mode custom<Part>($part) (`from` $from^)?)?";
  let builders = [AttrBuilder<(ins "Mode":$mode, "Part":$part, CArg<"int64_t", "0">:$from), [{
    return $_get($_ctxt, mode, part, from, ::mlir::StringAttr());
  }]>];
  let extraClassDeclaration = [{
    bool reads() const { return getMode() != Mode::write; }
    bool writes() const { return getMode() == Mode::write || getMode() == Mode::update; }
  }];
}

def Kernel_Count : DefaultValuedParameter<"int64_t", "1"> {
  let parser = "parseOptionalCount($_parser)";
}

def Kernel_SplitAttr : Kernel_Attr<"Split", "split"> {
  let summary = "how a call's work is shared out among the workers";
  let description = [{
    Units are those of the part of the same name; each worker has one contiguous range of
    them. Their number is rows (`rows`), `count` (`panels`), or rows times `count`; that
    of `data` the call finds out.
  }];
  let parameters = (ins "Part":$kind, Kernel_Count:$count);
  let assemblyFormat = "$kind ($count^)?";
  let genVerifyDecl = 1;
}

//===-- Where values lie ---------------------------------------------------===//

def Kernel_Space : I32EnumAttr<"Space", "where a value lies", [
    I32EnumAttrCase<"arena", 0>, I32EnumAttrCase<"scratch", 1>,
    I32EnumAttrCase<"output", 2>]> {
  let cppNamespace = "::encdec::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_SizeAttr : Kernel_Attr<"Size", "size"> {
  let summary = "bytes as a formula: fixed + per_key * K + per_row * R";
  let description = [{
    R counts the rows of the call (in `encode` each source's rounded up to 16), K is the
    longest source or target, rounded up to 16. Places are formulas too: a buffer that
    follows another begins where that one ends, for every R and K. A value of the arena has
    rows, or keys and no rows.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$fixed,
                        DefaultValuedParameter<"int64_t", "0">:$per_key,
                        DefaultValuedParameter<"int64_t", "0">:$per_row);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Kernel_BufferAttr : Kernel_Attr<"Buffer", "buffer"> {
  let summary = "what a result needs: a space and bytes, or the caller's output of a name";
  let description = [{
    `arena <per_row = 64>`; once plan-memory has placed it, `arena <per_row = 64> at <>`;
    `output "tokens"`.
  }];
  let parameters = (ins DefaultValuedParameter<"Space", "Space::output">:$space,
                        OptionalParameter<"SizeAttr">:$size,
                        OptionalParameter<"SizeAttr">:$place, Kernel_Name:$output);
  let assemblyFormat = "(`output` $output^) : ($space $size (`at` $place^)?)?";
  let extraClassDeclaration = [{
    BufferAttr at(SizeAttr place) { return get(getContext(), getSpace(), getSize(), place, {}); }
  }];
}

def Kernel_HandleAttr : Kernel_Attr<"Handle", "handle"> {
  let summary = "of an entry's argument: keys and values that outlive the call";
  let description = [{
    `#encdec_kernel.handle<"cache", 384>`: bytes of one position. Handles of one name lie
    behind each other in the order of the arguments.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "int64_t":$bytes_per_key);
  let assemblyFormat = "`<` $name `,` $bytes_per_key `>`";
}

def Kernel_RowsFromAttr : Kernel_Attr<"RowsFrom", "rows_from"> {
  let summary = "of an entry: the least rows that it is for";
  let description = [{
    `#encdec_kernel.rows_from<least = 5>`, `<per_worker = 16>`: at least `least` rows, and
    `per_worker` for each worker. An entry without it is for any number. Of several entries
    of one name the last one that is for a call's rows runs.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$least,
                        DefaultValuedParameter<"int64_t", "0">:$per_worker);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===-- Weights and cost ---------------------------------------------------===//

def Kernel_Reads : I32EnumAttr<"Reads", "how much of a weight a call reads", [
    I32EnumAttrCase<"whole", 0>, I32EnumAttrCase<"row", 1>,
    I32EnumAttrCase<"perhaps", 2>]> {
  let cppNamespace = "::encdec::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_WeightAttr : Kernel_Attr<"Weight", "weight"> {
  let summary = "a weight as a kernel reads it";
  let description = [{
    `#encdec_kernel.weight<@w, "int8", offsets = [3072, 3328], bytes = 272, reads = whole>`:
    where its values and, if the format has them, its scales lie in the weights section.
    `reads` is `whole`, one `row` of it for each row of the call, or `perhaps`, which a
    call may do instead of another. The slot of an absent weight is `unit`.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$name, "::mlir::StringAttr":$format,
                        ArrayRefParameter<"int64_t">:$offsets, "int64_t":$bytes,
                        "Reads":$reads);
  let assemblyFormat = [{
    `<` $name `,` $format `,` `offsets` `=` `[` $offsets `]` `,` `bytes` `=` $bytes `,`
    `reads` `=` $reads `>`
  }];
}

def Kernel_CostAttr : Kernel_Attr<"Cost", "cost"> {
  let summary = "what a call has to multiply and to read, but for weights and activations";
  let description = [{
    `row_madds` for each row; for each row and position that it sees of the keys called
    `keys`, `key_bytes` to read and `key_madds` to multiply. The bytes of weights stand
    beside the weights, those of activations beside the values.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$row_madds,
                        DefaultValuedParameter<"::mlir::StringAttr", "::mlir::StringAttr()">:$keys,
                        DefaultValuedParameter<"int64_t", "0">:$key_bytes,
                        DefaultValuedParameter<"int64_t", "0">:$key_madds);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===-- Ops ----------------------------------------------------------------===//

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

def Kernel_CallOp : Kernel_Op<"call", [
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "one kernel, run by all workers, each doing its share";
  let description = [{
    ```mlir
    %h = encdec_kernel.call "linear" for "ffn" (%x : read all) to arena<per_row = 8192> : write panels
        split panels 128 weights [...] cost <...> {inputs = 512, ...} : (tensor<…>) -> tensor<…>
    ```
    The name is one of the target's table; `for` names the op that the call serves. The
    dictionary holds what is folded into the kernel's body. A result that no later call
    reads is a temporary. `at` says where plan-memory has placed a result.

    C1 each operand has an access, each result a buffer and an access; slots of weights
       hold a weight or nothing.
    C2 a result is written or updated.
    C3 what is written is a part that no other worker has: `own`, `one`, or the units of
       the call's own split.
    C4 `own` is for values in scratch.
    C5 `from` is for panels, and less than the split's count.
    C6 `input` is for the entry's argument with that encdec.arg that is no handle; a
       written operand is a handle or a call's result.
    C7 an operand is an argument of the entry or a call's result.
    C8 a buffer has room for its result, of whose type one dimension, rows or keys, may be
       dynamic.
  }];
  let arguments = (ins StrAttr:$kernel, OptionalAttr<StrAttr>:$serves, Variadic<AnyType>:$operands,
                       ArrayAttr:$accesses, ArrayAttr:$buffers, Kernel_SplitAttr:$split,
                       ArrayAttr:$weights, Kernel_CostAttr:$cost,
                       DictionaryAttr:$config, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$numbers);
  let results = (outs Variadic<AnyType>:$values);
  let assemblyFormat = [{
    $kernel (`for` $serves^)? custom<Values>($operands, $accesses, $buffers)
    `split` `` $split `weights` $weights `cost` $cost (`numbers` $numbers^)? $config attr-dict
    `:` functional-type($operands, $values)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// What profiles call it.
    ::llvm::StringRef getName() { return getServes().value_or(getKernel()); }
    AccessAttr operandAccess(unsigned i) { return ::mlir::cast<AccessAttr>(getAccesses()[i]); }
    /// Accesses of the results follow those of the operands.
    AccessAttr resultAccess(unsigned i) { return operandAccess(getOperands().size() + i); }
    BufferAttr buffer(unsigned i) { return ::mlir::cast<BufferAttr>(getBuffers()[i]); }
    void setBuffer(unsigned i, BufferAttr buffer) {
      ::llvm::SmallVector<::mlir::Attribute> all(getBuffers().getValue());
      all[i] = buffer;
      setBuffersAttr(::mlir::ArrayAttr::get(getContext(), all));
    }
    /// Null where slot `i` is empty.
    WeightAttr weight(unsigned i) { return ::mlir::dyn_cast<WeightAttr>(getWeights()[i]); }
  }];
}

def Kernel_BarrierOp : Kernel_Op<"barrier"> {
  let summary = "all workers have done their shares of all calls before";
  let assemblyFormat = "attr-dict";
}

#endif // ENCDEC_COMPILER_SCHEDULE_KERNEL_TD
