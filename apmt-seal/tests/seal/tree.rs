//! The tree against the roots of RFC 6962's reference implementation, and against another's of every size.

use apmt_seal::Tree;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

fn leaf(bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// The test vectors of google/certificate-transparency.
#[test]
fn roots_are_those_of_certificate_transparency() {
    let leaves =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::default();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(HEXLOWER.encode(&tree.root()), empty);
    for (bytes, root) in leaves.iter().zip(roots) {
        tree.push(leaf(&HEXLOWER.decode(bytes.as_bytes()).unwrap()), |_, _| ());
        assert_eq!(HEXLOWER.encode(&tree.root()), root, "{} leaves", tree.size());
    }
}

#[test]
fn every_size_has_the_root_that_another_finds() {
    let (mut tree, mut other) = (Tree::default(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
    let mut numbers = std::collections::BTreeSet::new();
    for n in 0..300_u32 {
        let bytes = n.to_be_bytes().to_vec();
        tree.push(leaf(&bytes), |number, _| assert!(numbers.insert(number), "{number} twice"));
        other.push(bytes);
        assert_eq!(tree.root()[..], other.root().as_bytes()[..], "{n}");
        assert_eq!(numbers.last(), Some(&(2 * u64::from(n))), "the newest leaf has the highest number");
    }
}
