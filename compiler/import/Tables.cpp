// Tables.cpp: finds the vocabulary tables among the tensors that are there.
#include "compiler/import/Tables.h"

#include <algorithm>
#include <fmt/format.h>

namespace encdec::checkpoint {

namespace {

class TableResolver {
public:
  TableResolver(const ModelDescription &model, const CheckpointFiles &files,
                std::vector<std::string> &missing, std::vector<std::string> &warnings)
      : model(model), files(files), missing(missing), warnings(warnings) {}

  /// `own` if present, else the first present member of its tie. Where the configuration
  /// does not tie them, the reference would draw random numbers for `own`, unless its
  /// class ties what is missing; a warning says which tensor is read instead.
  std::string table(const std::string &own) {
    if (files.find(own))
      return own;
    const std::vector<std::string> *tie = tieOf(own);
    if (tie)
      for (const std::string &other : *tie)
        if (files.find(other)) {
          if (!model.tied && !model.family->tiesMissing)
            warnings.push_back(fmt::format(
                "{}: false, but {} is missing; {} is used in its place", model.tiedFrom,
                quote(own), quote(other)));
          return other;
        }
    const std::string &wanted = tie ? tie->front() : own;
    if (std::ranges::find(missing, wanted) == missing.end())
      missing.push_back(wanted);
    return {};
  }

  /// Sets `name` to `with` if the two tensors have equal bytes: older checkpoints store
  /// a tied tensor under each of its names.
  Status mergeEqual(std::string &name, const std::string &with) const {
    if (name.empty() || with.empty() || name == with)
      return Status::success();
    ENCDEC_ASSIGN_OR_RETURN(bool same, files.same(*files.find(name), *files.find(with)));
    if (same)
      name = with;
    return Status::success();
  }

  /// The line about two members of a tie that hold different values.
  void noteUntied(const std::string &a, const std::string &b) {
    const std::vector<std::string> *tie = a.empty() ? nullptr : tieOf(a);
    if (model.tied && tie && a != b && std::ranges::find(*tie, b) != tie->end())
      warnings.push_back(fmt::format("{} and {} hold different values: they are not tied, "
                                     "whatever the configuration says",
                                     quote(a), quote(b)));
  }

private:
  const std::vector<std::string> *tieOf(const std::string &name) const {
    for (const std::vector<std::string> &tie : model.ties)
      if (std::ranges::find(tie, name) != tie.end())
        return &tie;
    return nullptr;
  }

  const ModelDescription &model;
  const CheckpointFiles &files;
  std::vector<std::string> &missing, &warnings;
};

} // namespace

Result<TableNames> resolveTables(const ModelDescription &model, const CheckpointFiles &files,
                                 std::vector<std::string> &missing,
                                 std::vector<std::string> &warnings) {
  TableResolver resolver(model, files, missing, warnings);
  TableNames tables;
  for (const std::vector<std::string> &tie : model.ties)
    tables.seen.insert(tables.seen.end(), tie.begin(), tie.end());
  tables.encoder = resolver.table(model.encoder.file->embedding);
  if (model.encoderOnly)
    return tables;
  tables.decoder = resolver.table(model.decoder.file->embedding);
  tables.head = resolver.table(model.family->head);
  for (std::string *table : {&tables.decoder, &tables.head})
    ENCDEC_RETURN_IF_ERROR(resolver.mergeEqual(*table, tables.encoder));
  ENCDEC_RETURN_IF_ERROR(resolver.mergeEqual(tables.head, tables.decoder));
  resolver.noteUntied(tables.decoder, tables.encoder);
  if (tables.head != tables.encoder)
    resolver.noteUntied(tables.head, tables.decoder);
  return tables;
}

TableNames storedTables(const ModelDescription &model) {
  auto stored = [&](const std::string &own) {
    if (model.tied)
      for (const std::vector<std::string> &tie : model.ties)
        if (std::ranges::find(tie, own) != tie.end())
          return tie.front();
    return own;
  };
  return {.encoder = stored(model.encoder.file->embedding),
          .decoder = stored(model.decoder.file->embedding),
          .head = stored(model.family->head),
          .seen = {}};
}

} // namespace encdec::checkpoint
