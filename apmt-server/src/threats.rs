#![doc = include_str!("threats.md")]

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The names of all functions in the sources of the whole workspace.
    fn functions(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "target" && name != "node_modules" {
                functions(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let names = source.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
                found.extend(names.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_threat_has_tests_that_are_there() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = BTreeSet::new();
        for crate_folder in ["apmt-core", "apmt-seal", "apmt-server"] {
            functions(&workspace.join(crate_folder), &mut found);
        }
        let rows: Vec<&str> =
            include_str!("threats.md").lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert!(rows.len() > 20);
        for row in rows {
            let tests = row.trim_end_matches(" |").rsplit('|').next().unwrap();
            let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
            assert!(!named.is_empty(), "no test: {row}");
            for name in named {
                assert!(found.contains(name), "{name} is not there: {row}");
            }
        }
    }
}
