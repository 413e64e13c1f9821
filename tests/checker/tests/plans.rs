//! Plans of the planner, as they are printed, before a checker that shares nothing with it.

use coexist_cover::pict::{self, Dialect, PictModel};
use coexist_cover::{Effort, Plan, Request, plan};
use coexist_plan_checker::models::{Lab, lab, uniform};
use coexist_plan_checker::{Model, check};

fn planned(text: &str, strength: usize, seeds: Option<&str>) -> (PictModel, Plan) {
    let model = pict::parse(text, &Dialect::default()).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
    let seeds = seeds
        .map_or(Vec::new(), |seeds| model.rows(seeds, &Dialect::default()).expect("seeds are rows of the model").rows);
    let request = Request { strength: model.strength(strength), effort: Effort::Quick, ..Request::strength(strength) };
    let request = Request { seeds, ..request };
    let plan = plan(&model.model, &request).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (model, plan)
}

fn printed(model: &PictModel, rows: &[Vec<usize>]) -> String {
    let mut lines = vec![model.model.parameters().iter().map(|p| p.name.clone()).collect::<Vec<_>>().join("\t")];
    lines.extend(model.model.named(rows).iter().map(|row| row.join("\t")));
    lines.join("\n") + "\n"
}

/// Plans, and has the plan checked: it is complete, and neither counts other combinations than the other.
fn pass(text: &str, strength: usize, seeds: Option<&str>) {
    let (model, made) = planned(text, strength, seeds);
    let rows = printed(&model, &made.rows);
    let findings = check(&Model::read(text).expect("a model"), strength, &rows, seeds).expect("an answer");
    assert!(findings.all_good(), "strength {strength}: {findings}\n{text}");
    assert_eq!((findings.feasible, findings.seeds), (made.combinations, made.seeds), "strength {strength}\n{text}");
    assert!(made.lower_bound <= findings.rows);
}

#[test]
fn plans_of_numbers_pass() {
    for name in ["3^4", "2^10", "3^13", "4^10", "4^5_3^4", "7^8", "5^1_3^8_2^2", "8^2_7^2_6^2_5^2"] {
        pass(&uniform(name).unwrap(), 2, None);
    }
    for name in ["2^10", "3^5", "4^3_2^4", "1^2_3^2"] {
        pass(&uniform(name).unwrap(), 3, None);
        pass(&uniform(name).unwrap(), 1, None);
    }
    pass(&uniform("2^7").unwrap(), 4, None);
}

#[test]
fn plans_of_labs_pass() {
    for seed in 0..3 {
        pass(&lab(&Lab { agents: 4, versions: 3, at_least_one: true, seed }), 2, None);
        pass(&lab(&Lab { agents: 8, versions: 3, at_least_one: seed < 2, seed }), 2, None);
    }
    pass(&lab(&Lab { agents: 12, versions: 4, at_least_one: true, seed: 7 }), 2, None);
    pass(&lab(&Lab { agents: 3, versions: 2, at_least_one: true, seed: 1 }), 3, None);
}

/// Everything that models can say, in ways that get into each other's way.
const SPECIAL: [&str; 7] = [
    "A: ~-1, 0, 1, 2\nB: ~-1, 0, 1, 2\nC: x, y\nIF [A] = -1 THEN [C] = \"x\";\n",
    "A: ~a | b, c | d, e\nB: <A>, f (10)\nC: ~g, h, i\nD: 1, 2, 3\n[B] <> [A] OR [D] > 1;\nNOT (ISNEGATIVE([C]) AND [D] = 3);\n",
    "A: 0, 1, 2\nB: 0, 1, 2\nC: 0, 1, 2\nD: 0, 1\nE: 0, 1\n{ A, B, C } @ 3\n{ D, E } @ 1\nIF [A] = [B] THEN [C] <> [A];\n",
    "A: 0, 1, ~2\nB: 0, 1, 2\nC: 0, ~1, 2\nD: 0, 1\nE: 0, 1\n{ A, B, C } @ 3\n{ B, D }\nIF [B] = 2 THEN [D] = 1 ELSE [E] >= [D];\n",
    "Size: 10, 100, 500, 1000\nFS: FAT, FAT32, NTFS\nCluster: 512, 1024, 2048\nCompression: on, off\n\
     IF [FS] LIKE \"FAT*\" THEN [Size] < 1000 AND [Compression] = \"off\";\nIF [Size] IN {10, 100} THEN [Cluster] <= 1024;\n",
    "A: 1\nB: 1, 2\n",
    "A: 0, 1, 2\nB: 0, 1, 2\nC: 0, 1, 2\n[A] < [B];\n[B] < [C] OR [C] = 0;\n",
];

#[test]
fn plans_of_special_models_pass() {
    for text in SPECIAL {
        for strength in 1..4 {
            pass(text, strength, None);
        }
    }
}

#[test]
fn plans_on_seeds_pass() {
    pass(SPECIAL[0], 2, Some("C\tA\ny\t~-1\nx\t~-1\n\t2\ny\tnine\n"));
    pass(SPECIAL[2], 2, Some("A\tB\tC\tD\tE\n0\t0\t1\t1\t0\n0\t0\t0\t1\t0\n0\t0\t1\t1\t0\n"));
    let text = lab(&Lab { agents: 8, versions: 3, at_least_one: true, seed: 5 });
    let (model, made) = planned(&text, 2, None);
    let seeds = printed(&model, &made.rows[..made.rows.len() / 2]);
    pass(&text, 2, Some(&seeds));
    pass(&text.replace("agent3: none,", "agent3: none, v0,"), 2, Some(&seeds));
}
